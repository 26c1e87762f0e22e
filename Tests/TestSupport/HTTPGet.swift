import FlyingSocks
import Foundation

/// What a server of this machine answers to one GET: its status line, its headers and its body.
///
/// - Throws: where nobody listens on the port.
public func httpGet(_ path: String, port: Int) async throws -> String {
  let socket = try await AsyncSocket.connected(to: .inet(ip4: "127.0.0.1", port: UInt16(port)))
  try await socket.write(Data("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
  var bytes: [UInt8] = []
  do {
    while true {
      let more = try await socket.read(atMost: 4096)
      if more.isEmpty { break }
      bytes += more
    }
  } catch SocketError.disconnected {
    // The answer ends with the connection.
  }
  try socket.close()
  return String(decoding: bytes, as: UTF8.self)
}
