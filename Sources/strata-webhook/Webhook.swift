import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// One POST, described as JSON on standard input: `{"url", "headers", "body", "timeoutSeconds"}`.
///
/// Exit code 0 for an answer of 2xx, 1 for any other or none, 2 for an input that is no request; why
/// stands on standard error. A program of its own, because the libraries behind it would double the
/// time that every `strata` command takes to start.
@main
struct Webhook {
  struct Request: Decodable {
    let url: String
    let headers: [String: String]
    let body: String
    let timeoutSeconds: Double
  }

  static func main() async {
    let input = FileHandle.standardInput.readDataToEndOfFile()
    guard let request = try? JSONDecoder().decode(Request.self, from: input),
      let url = URL(string: request.url), url.scheme == "http" || url.scheme == "https"
    else {
      leave(2, "expected a request as JSON with an http or https URL on standard input")
    }
    var post = URLRequest(url: url, timeoutInterval: request.timeoutSeconds)
    post.httpMethod = "POST"
    for (name, value) in request.headers { post.setValue(value, forHTTPHeaderField: name) }
    post.httpBody = Data(request.body.utf8)
    let session = URLSession(
      configuration: .ephemeral, delegate: NoRedirection(), delegateQueue: nil)
    do {
      let (body, answer) = try await session.data(for: post)
      let status = (answer as? HTTPURLResponse)?.statusCode ?? 0
      guard (200..<300).contains(status) else {
        leave(1, "status \(status): \(String(decoding: body.prefix(300), as: UTF8.self))")
      }
    } catch {
      leave(1, error.localizedDescription)
    }
  }

  private static func leave(_ code: Int32, _ message: String) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(code)
  }
}

/// Answers of 3xx are for whoever configured the address: following one would turn the POST into a
/// GET.
private final class NoRedirection: NSObject, URLSessionTaskDelegate, Sendable {
  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection: HTTPURLResponse,
    newRequest: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }
}
