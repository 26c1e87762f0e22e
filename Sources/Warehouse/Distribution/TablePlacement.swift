/// Where a table lives when the warehouse is sharded by Citus.
///
/// ``all`` is the one list of it: `strata warehouse distribute` acts on it, and tests hold it against
/// the migrated schema and against every statement.
public struct TablePlacement: Sendable, Equatable {
  /// The ways to place a table.
  public enum Kind: String, Sendable, Codable {
    /// In shards over the workers, by the hash of `customer_id`; all such tables are colocated.
    case distributed
    /// A copy on every node: small, and joined with distributed tables.
    case reference
    /// On the coordinator alone: read and written there, never joined with distributed tables.
    case local
  }

  /// The column that every distributed table is sharded by.
  public static let distributionColumn = "customer_id"

  /// The schema.
  public let schema: String
  /// The name within the schema.
  public let name: String
  /// Where it lives.
  public let kind: Kind

  /// `schema.name`.
  public var table: String { schema + "." + name }

  private init(_ kind: Kind, _ schema: String, _ name: String) {
    self.kind = kind
    self.schema = schema
    self.name = name
  }

  /// Schemas whose tables are all local: the ledger of runs, the registry of models, reports, facts
  /// about the project.
  public static let localSchemas: Set<String> = ["runs", "models", "reports", "strata"]

  /// Every table of the other schemas, in the order in which they are placed: a table comes after
  /// those that its foreign keys refer to.
  public static let all: [TablePlacement] =
    of(.reference, "facts", ["event_kind", "amount_currency", "profile_attribute"])
    + of(.reference, "features", ["folded_load"])
    // evaluation and its sets are read whole, on the coordinator. They are reference tables because
    // publication_record is one, and Citus refuses a foreign key from a reference table to a local
    // one that does more than to refuse (ON DELETE SET NULL here).
    + of(
      .reference, "segments",
      [
        "evaluation", "evaluation_input", "evaluation_set", "publication_record",
        "evaluation_change", "segment", "rule_version", "segment_size", "rule_change",
        "population_cut", "early_opening",
      ])
    // customers first: the others are colocated with it.
    + of(
      .distributed, "facts",
      [
        "customers", "customer_record", "events", "event_version", "touched",
        "profile_statement", "customer_profile", "customer_day",
      ])
    + of(.distributed, "segments", ["open_spell", "ended_spell", "delta", "decision"])
    // By the company's keys, beside landing.identity.
    + of(.local, "segments", ["override"])
    // Unique by the company's keys, not by customer_id: what makes an event or a customer one.
    + of(
      .local, "landing",
      [
        "source", "load", "event_key", "identity", "rejected", "unknown_kind", "order_key", "merge",
        "erasure", "erased_key", "erasure_secret", "file_stamp",
      ])
    + of(
      .local, "features", ["tiles", "measure", "state", "state_column", "built_catalogue"])
    + of(.local, "segments", ["prior_state"])

  /// Functions of ours that statements call on the workers, by signature.
  public static let functions = ["facts.jsonb_merge(jsonb)", "facts.reconcile(jsonb[])"]

  /// Where a table lives; nil for one that is not ours.
  public static func kind(schema: String, name: String) -> Kind? {
    if localSchemas.contains(schema) { return .local }
    return all.first { $0.schema == schema && $0.name == name }?.kind
  }

  private static func of(_ kind: Kind, _ schema: String, _ names: [String]) -> [TablePlacement] {
    names.map { TablePlacement(kind, schema, $0) }
  }
}
