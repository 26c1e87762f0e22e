import Foundation
import Testing

@testable import Inputs

@Suite("project.yaml") struct ProjectSettingsTests {
  private func load(_ retention: String) throws -> ProjectSettings {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-project-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = "version: 1\nname: shop\nzone: UTC\ncurrency: EUR\n" + retention
    try Data(text.utf8).write(to: folder.appendingPathComponent("project.yaml"))
    return try ProjectSettings.load(folder: folder.path)
  }

  @Test func retentionIsInMonthsAndOptional() throws {
    #expect(try load("").retentionMonths == [:])
    #expect(
      try load("retention: {attempts: 24, logs: 1}\n").retentionMonths == [
        "attempts": 24, "logs": 1,
      ])
  }

  @Test(arguments: [
    ("retention: {logs: 0}\n", "whole months from 1 to 1200 for 'logs', found '0'"),
    ("retention: {logs: 3 months}\n", "found '3 months'"),
    ("retention: {log: 3}\n", "unknown key 'log' in retention"),
    ("retention: 3\n", "expected retention as a mapping"),
  ])
  func whatIsWrongIsSaid(_ retention: String, _ words: String) throws {
    let error = #expect(throws: InputError.self) { try load(retention) }
    #expect(error.map { "\($0)".contains(words) } == true, "\(String(describing: error))")
  }
}
