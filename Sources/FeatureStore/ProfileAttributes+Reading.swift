import Features
import Foundation
import Warehouse

extension ProfileAttributes {
  /// Reads what the project's sources declared, as `facts.profile_attribute` holds it.
  static func read(on connection: Connection) async throws -> ProfileAttributes {
    var definitions: [String: Definition] = [:]
    let rows = try await connection.query(SQL(file: "queries/features/list_attributes.sql"))
    for row in rows {
      let text: String = try row.get("definition")
      definitions[try row.get("name")] = try JSONDecoder().decode(
        Definition.self, from: Data(text.utf8))
    }
    return ProfileAttributes(definitions)
  }
}
