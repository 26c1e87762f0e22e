import Foundation

/// A TCP server that accepts connections and says nothing.
final class SilentServer: Sendable {
  private let descriptor: Int32
  let port: Int

  init() throws {
    #if os(Linux)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    descriptor = socket(AF_INET, stream, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let file = descriptor
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(file, address, size) == 0 && listen(file, 8) == 0
          && getsockname(file, address, &size) == 0
      }
    }
    guard bound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  /// Blocks until somebody connects, and keeps the connection open.
  func waitForClient() { _ = accept(descriptor, nil, nil) }

  func close() { _ = Foundation.close(descriptor) }

  /// A port that nobody uses at the moment.
  static func freePort() throws -> Int {
    let server = try SilentServer()
    server.close()
    return server.port
  }
}
