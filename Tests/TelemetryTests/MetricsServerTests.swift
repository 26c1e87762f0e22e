import CoreMetrics
import FlyingSocks
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Telemetry

@Suite struct MetricsServerTests {
  private func responder(
    _ registry: MetricRegistry = MetricRegistry(), health: Health = .ok
  ) -> MetricsResponder {
    MetricsResponder(registry: registry, collect: {}, health: { health })
  }

  @Test(arguments: [
    ("GET /metrics HTTP/1.1\r\n\r\n", "200 OK"),
    ("GET /metrics?name=x HTTP/1.0\r\nHost: a\r\n\r\n", "200 OK"),
    ("HEAD /health HTTP/1.1\r\n\r\n", "200 OK"),
    ("GET / HTTP/1.1\r\n\r\n", "200 OK"),
    ("GET /metrics/ HTTP/1.1\r\n\r\n", "404 Not Found"),
    ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
    ("GET /metrics\r\n\r\n", "400 Bad Request"),
    ("GET metrics HTTP/1.1\r\n\r\n", "400 Bad Request"),
    ("GET  /metrics HTTP/1.1\r\n\r\n", "400 Bad Request"),
    ("\u{FF}\u{0}\r\n\r\n", "400 Bad Request"),
    ("\r\n\r\n", "400 Bad Request"),
    ("GET /metrics HTTP/1.1\r\n", "431 Request Header Fields Too Large"),
    ("", "431 Request Header Fields Too Large"),
  ])
  func requestsAreAnswered(request: String, status: String) async {
    #expect(await responder().answer(to: Array(request.utf8)).status == status)
  }

  @Test func failingHealthSaysWhy() async {
    let answer = await responder(health: .failing("no database")).answer(
      to: Array("GET /health HTTP/1.1\r\n\r\n".utf8))
    #expect(answer.status == "503 Service Unavailable" && answer.body == "no database\n")
  }

  @Test func headTellsTheLengthAlone() async {
    let answer = await responder().answer(to: Array("HEAD /health HTTP/1.1\r\n\r\n".utf8))
    let text = String(decoding: answer.bytes, as: UTF8.self)
    #expect(text.contains("Content-Length: 3\r\n") && text.hasSuffix("\r\n\r\n"))
  }

  @Test func aServerAnswersOverItsSocketAndEndsWhenCancelled() async throws {
    let registry = MetricRegistry()
    let collected = Counter(label: "collected_total", dimensions: [], factory: registry)
    let (ports, port) = AsyncStream<Int>.makeStream()
    let server = Task {
      try await MetricsServer.run(
        port: 0, registry: registry, collect: { collected.increment() },
        listening: { number in
          port.yield(number)
          port.finish()
        })
    }
    let number = try #require(await ports.first { _ in true })
    for round in 1...3 {
      let text = try await httpGet("/metrics", port: number)
      #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(text.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
      #expect(text.hasSuffix("\ncollected_total \(round)\n"))
    }
    // A client that says nothing keeps nobody else waiting.
    let silent = try await AsyncSocket.connected(to: .inet(ip4: "127.0.0.1", port: UInt16(number)))
    #expect(try await httpGet("/health", port: number).hasSuffix("\r\n\r\nok\n"))
    server.cancel()
    try await server.value
    try silent.close()
    await #expect(throws: (any Error).self) { try await httpGet("/health", port: number) }
  }

  @Test func aTakenPortIsToldWithAHint() async throws {
    let (ports, port) = AsyncStream<Int>.makeStream()
    let server = Task {
      try await MetricsServer.run(
        port: 0, registry: MetricRegistry(), listening: { port.yield($0) })
    }
    let number = try #require(await ports.first { _ in true })
    let error = await #expect(throws: TelemetryError.self) {
      try await MetricsServer.run(port: number, registry: MetricRegistry())
    }
    #expect(error?.code == "telemetry.cannot_listen" && error?.hint != nil)
    server.cancel()
    try await server.value
  }

  @Test(arguments: [("256.0.0.1", 0), ("nowhere", 0), ("127.0.0.1", 65_536), ("127.0.0.1", -1)])
  func badAddressesAreErrors(host: String, port: Int) async {
    await #expect(throws: TelemetryError.self) {
      try await MetricsServer.run(host: host, port: port, registry: MetricRegistry())
    }
  }
}
