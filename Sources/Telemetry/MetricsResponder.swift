/// What is answered to a request: bytes in, bytes out, without a socket.
struct MetricsResponder: Sendable {
  /// The most bytes of a request's head.
  static let headLimit = 8192

  let registry: MetricRegistry
  let collect: @Sendable () async -> Void
  let health: @Sendable () async -> Health

  /// An answer of HTTP/1.1.
  struct Answer: Sendable, Equatable {
    var status: String
    var type = "text/plain; charset=utf-8"
    var body: String
    /// False for HEAD: the length is told, the body is not.
    var showsBody = true
    var extra = ""

    var bytes: [UInt8] {
      let body = Array(body.utf8)
      let head =
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n"
        + "Cache-Control: no-store\r\n\(extra)Connection: close\r\n\r\n"
      return Array(head.utf8) + (showsBody ? body : [])
    }
  }

  /// Whether the head of a request has come to its end.
  static func isWhole(_ head: [UInt8]) -> Bool {
    head.indices.dropLast(3).contains { index in
      head[index] == 13 && head[index + 1] == 10 && head[index + 2] == 13 && head[index + 3] == 10
    }
  }

  /// The answer to a request's head.
  func answer(to head: [UInt8]) async -> Answer {
    guard Self.isWhole(head) else {
      return Answer(status: "431 Request Header Fields Too Large", body: "too large\n")
    }
    let line = head.prefix { $0 != 13 }
    let words = line.split(separator: 32, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/") else {
      return Answer(status: "400 Bad Request", body: "expected a request of HTTP/1.1\n")
    }
    guard words[0] == "GET" || words[0] == "HEAD" else {
      return Answer(
        status: "405 Method Not Allowed", body: "expected GET\n", extra: "Allow: GET, HEAD\r\n")
    }
    var answer = await answer(path: String(words[1].prefix { $0 != "?" }))
    answer.showsBody = words[0] == "GET"
    return answer
  }

  private func answer(path: String) async -> Answer {
    switch path {
    case "/metrics":
      await collect()
      return Answer(status: "200 OK", type: PrometheusText.mediaType, body: registry.text())
    case "/health":
      switch await health() {
      case .ok: return Answer(status: "200 OK", body: "ok\n")
      case .failing(let reason):
        return Answer(status: "503 Service Unavailable", body: reason + "\n")
      }
    case "/":
      return Answer(status: "200 OK", body: "strata: see /metrics and /health\n")
    default:
      return Answer(status: "404 Not Found", body: "expected /metrics or /health\n")
    }
  }
}
