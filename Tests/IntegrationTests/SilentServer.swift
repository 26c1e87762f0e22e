import Foundation

/// A TCP server that accepts connections and says nothing.
final class SilentServer: Sendable {
  private let descriptor: Int32
  let port: Int

  /// A server on a port; 0 for any free one.
  init(port wanted: UInt16 = 0) throws {
    #if os(Linux)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    descriptor = socket(AF_INET, stream, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    address.sin_port = wanted.bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let file = descriptor
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(file, address, size) == 0 && listen(file, 8) == 0
          && getsockname(file, address, &size) == 0
      }
    }
    guard bound else {
      let error = POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
      _ = Foundation.close(descriptor)
      throw error
    }
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  /// Blocks until somebody connects, and keeps the connection open.
  func waitForClient() { _ = accept(descriptor, nil, nil) }

  func close() { _ = Foundation.close(descriptor) }

  /// A port that nobody uses at the moment, and that the system gives to nobody who asks for any
  /// free one: those begin at 32768 on Linux and at 49152 elsewhere.
  static func freePort() throws -> Int {
    while true {
      do {
        let server = try SilentServer(port: .random(in: 20_000..<32_000))
        server.close()
        return server.port
      } catch let error as POSIXError where error.code == .EADDRINUSE {
        continue
      }
    }
  }
}
