import Foundation
import Synchronization

/// A listener on the loopback that keeps what is posted to it, and answers as it is told.
final class HTTPListener: Sendable {
  struct Request: Sendable {
    let line: String
    /// By lower-case name.
    let headers: [String: String]
    let body: String
  }

  private let descriptor: Int32
  let port: UInt16
  private let received = Mutex<[Request]>([])
  private let arrivals = AsyncStream<Void>.makeStream()
  private let status = Mutex<Int>(200)

  var requests: [Request] { received.withLock { $0 } }
  var url: String { "http://127.0.0.1:\(port)/hook" }

  /// A listener on a free port that answers with a status.
  init(status: Int = 200) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, address, &length) == 0
      }
    }
    guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    self.descriptor = descriptor
    answer(with: status)
    Thread.detachNewThread { [self] in serve() }
  }

  func answer(with status: Int) { self.status.withLock { $0 = status } }

  /// Waits until so many requests have come, and returns them; for one caller at a time.
  func waitForRequests(_ count: Int) async -> [Request] {
    while requests.count < count {
      var next = arrivals.stream.makeAsyncIterator()
      _ = await next.next()
    }
    return requests
  }

  func close() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  private func serve() {
    while true {
      let client = accept(descriptor, nil, nil)
      guard client >= 0 else { break }
      if let request = read(client) {
        received.withLock { $0.append(request) }
        arrivals.continuation.yield()
      }
      let status = status.withLock { $0 }
      let answer =
        "HTTP/1.1 \(status) X\r\nLocation: /elsewhere\r\nContent-Length: 4\r\n"
        + "Connection: close\r\n\r\nsaid"
      _ = answer.withCString { write(client, $0, strlen($0)) }
      Foundation.close(client)
    }
    Foundation.close(descriptor)
  }

  private func read(_ client: Int32) -> Request? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Foundation.read(client, &buffer, buffer.count)
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
      let text = String(decoding: bytes, as: UTF8.self)
      guard let end = text.range(of: "\r\n\r\n") else { continue }
      let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
      var headers: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        headers[parts[0].lowercased()] =
          parts.count > 1
          ? parts[1].trimmingCharacters(in: .whitespaces) : ""
      }
      let body = String(text[end.upperBound...])
      guard body.utf8.count >= Int(headers["content-length"] ?? "0") ?? 0 else { continue }
      return Request(line: lines[0], headers: headers, body: body)
    }
  }
}
