import Foundation
import Schedules

@testable import Inputs

/// A folder of input files that is removed when the value goes.
final class InputsFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-loads-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes a file and returns its path.
  func write(_ name: String, _ text: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try Data(text.utf8).write(to: file)
    return file.path
  }

  /// Inflates a gzip file into this folder.
  func unzip(_ path: String, as name: String) throws -> String {
    let opener = try FileOpener(path: path)
    let file = url.appendingPathComponent(name)
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try opener.content.read(into: buffer)
      if count == 0 { break }
      try handle.write(contentsOf: Data(UnsafeRawBufferPointer(rebasing: buffer[0..<count])))
    }
    try handle.close()
    return file.path
  }

  /// The one source that a catalogue's text declares; its file is `data.csv` of this folder.
  func source(_ text: String) throws -> SourceDefinition {
    _ = try write("project.yaml", "name: test\nzone: Europe/Lisbon\ncurrency: EUR\n")
    let path = try write("sources.yaml", text)
    let catalogue = try SourceCatalogue.load(path, environment: [:])
    guard let source = catalogue.sources.first else { throw CocoaError(.fileReadUnknown) }
    return source
  }
}
