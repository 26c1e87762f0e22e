import Crypto
import Foundation
import SQLCatalog

/// One step of the schema, never edited once released.
public struct Migration: Sendable, Equatable {
  /// The number that its file name begins with, from 1.
  public let version: Int
  /// The file name without number and ending, for example `create_schemas`.
  public let name: String
  /// The SQL.
  public let text: String

  /// A step.
  public init(version: Int, name: String, text: String) {
    self.version = version
    self.name = name
    self.text = text
  }

  /// The SHA-256 of the text, as 64 hexadecimal digits.
  public var checksum: String {
    SHA256.hash(data: Data(text.utf8)).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  /// `0001_create_schemas.sql`.
  public var file: String {
    String(repeating: "0", count: max(0, 4 - String(version).count)) + "\(version)_\(name).sql"
  }

  /// The steps of the SQL catalogue in order.
  ///
  /// - Throws: `warehouse.bad_migration` for a file name without a number or two of one number.
  public static func catalogue() throws -> [Migration] {
    let migrations = try SQLCatalog.files(in: "migrations").map { file in
      let stem = file.dropLast(".sql".count)
      let digits = stem.prefix { $0.isASCII && $0.isNumber }
      guard let version = Int(digits), version > 0, stem.dropFirst(digits.count).first == "_" else {
        throw WarehouseError(
          code: "warehouse.bad_migration",
          message: "expected a file name such as 0001_create_schemas.sql, found '\(file)'")
      }
      return Migration(
        version: version, name: String(stem.dropFirst(digits.count + 1)),
        text: try SQLCatalog.text("migrations/\(file)"))
    }.sorted { $0.version < $1.version }
    for (first, second) in zip(migrations, migrations.dropFirst())
    where first.version == second.version {
      throw WarehouseError(
        code: "warehouse.bad_migration",
        message: "expected one migration per number, found \(first.file) and \(second.file)")
    }
    return migrations
  }
}

/// A line of the ledger: what has been applied.
struct AppliedMigration: Equatable {
  let version: Int
  let name: String
  let checksum: String
}

/// Decides what is left to apply; pure.
enum MigrationPlan {
  /// The migrations that the ledger lacks, in order.
  ///
  /// - Throws: `warehouse.future_schema` where the ledger has versions that this binary lacks,
  ///   `warehouse.edited_migration` where a text is no longer the one that was applied,
  ///   `warehouse.skipped_migration` where a number below an applied one is new.
  static func pending(
    _ migrations: [Migration], applied: [AppliedMigration]
  ) throws -> [Migration] {
    let known = Dictionary(migrations.map { ($0.version, $0) }, uniquingKeysWith: { a, _ in a })
    let unknown = applied.filter { known[$0.version] == nil }
    if !unknown.isEmpty {
      let names = unknown.map { "\($0.version)_\($0.name)" }.joined(separator: ", ")
      throw WarehouseError(
        code: "warehouse.future_schema",
        message: "expected a database of at most version \(migrations.last?.version ?? 0),"
          + " found one with newer migrations: \(names)",
        hint: "this strata is older than the database; install the release that migrated it")
    }
    for line in applied {
      guard let migration = known[line.version], migration.checksum != line.checksum else {
        continue
      }
      throw WarehouseError(
        code: "warehouse.edited_migration",
        message: "expected \(migration.file) as it was applied"
          + " (SHA-256 \(line.checksum.prefix(12))…),"
          + " found another text (\(migration.checksum.prefix(12))…)",
        hint: "restore the file and put the change in a new migration; they go forward only")
    }
    let done = Set(applied.map(\.version))
    let pending = migrations.filter { !done.contains($0.version) }
    if let first = pending.first, let last = applied.map(\.version).max(), first.version < last {
      throw WarehouseError(
        code: "warehouse.skipped_migration",
        message: "expected new migrations above version \(last), found \(first.file)",
        hint: "give it the next free number; they go forward only")
    }
    return pending
  }
}
