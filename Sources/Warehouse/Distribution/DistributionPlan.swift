/// What `strata warehouse distribute` has to do: decided from what Citus says, without acting.
public struct DistributionPlan: Sendable, Equatable {
  /// One table or function.
  public struct Step: Sendable, Equatable, Codable {
    /// The table, or the signature of the function.
    public let name: String
    /// `distributed`, `reference` or `function`.
    public let placement: String
    /// What puts it there; nil where it is there already.
    public let statement: String?
  }

  /// A table as Citus has it.
  public struct Standing: Sendable, Equatable {
    /// `h` for tables in shards by hash, `n` for tables without a distribution column.
    public let method: String
    /// `t` for reference tables, `s` for others.
    public let replication: String
    /// The group of colocated tables.
    public let colocation: Int64
    /// The distribution column; nil without one.
    public let column: String?

    /// What pg_dist_partition says of a table.
    public init(method: String, replication: String, colocation: Int64, column: String?) {
      self.method = method
      self.replication = replication
      self.colocation = colocation
      self.column = column
    }

    var isReference: Bool { method == "n" && replication == "t" }

    /// A table that Citus only keeps in its catalogue, for example because a foreign key of it
    /// refers to a reference table: it can be placed like one that Citus does not know.
    var isLocal: Bool { method == "n" && !isReference }

    var description: String {
      isReference
        ? "a reference table"
        : isLocal
          ? "a local table"
          : "one distributed by \(column ?? "method \(method)")"
    }
  }

  /// Every table and function that is not local, in the order of their placing.
  public let steps: [Step]
  /// Tables that stand otherwise than they should: "expected …, found …".
  public let problems: [String]

  /// The steps that change something.
  public var pending: [Step] { steps.filter { $0.statement != nil } }

  /// Compares what should be with what is.
  ///
  /// - Parameters:
  ///   - standing: the tables that Citus knows, by `schema.name`.
  ///   - functions: the signatures of ``TablePlacement/functions`` that it has.
  ///   - shards: how many shards new distributed tables get; nil for Citus' own choice
  ///     (`citus.shard_count`). Without effect where the first of them is distributed already.
  public init(standing: [String: Standing], functions: Set<String>, shards: Int?) {
    var steps: [Step] = []
    var problems: [String] = []
    let first = TablePlacement.all.first { $0.kind == .distributed }?.table ?? ""
    let group = standing[first].flatMap { $0.method == "h" ? $0.colocation : nil }
    for placement in TablePlacement.all {
      let table = placement.table
      let found = standing[table].flatMap { $0.isLocal ? nil : $0 }
      func problem(_ expected: String) {
        problems.append(
          "expected \(table) to be \(expected), found \(found?.description ?? "none")")
      }
      switch placement.kind {
      case .local:
        if found != nil { problem("a local table") }
      case .reference:
        if let found, !found.isReference { problem("a reference table") }
        steps.append(
          Step(
            name: table, placement: "reference",
            statement: found == nil ? Self.reference(table) : nil))
      case .distributed:
        if let found {
          if found.column != TablePlacement.distributionColumn {
            problem("distributed by \(TablePlacement.distributionColumn)")
          } else if let group, found.colocation != group {
            problems.append("expected \(table) to be colocated with \(first), found it apart")
          } else if group == nil {
            problems.append("expected \(first) to be distributed before \(table)")
          }
        }
        steps.append(
          Step(
            name: table, placement: "distributed",
            statement: found == nil ? Self.distributed(table, beside: first, shards) : nil))
      }
    }
    for function in TablePlacement.functions {
      let statement = "SELECT create_distributed_function(\(SQL.quoted(literal: function)))"
      steps.append(
        Step(
          name: function, placement: "function",
          statement: functions.contains(function) ? nil : statement))
    }
    self.steps = steps
    self.problems = problems
  }

  private static func reference(_ table: String) -> String {
    "SELECT create_reference_table(\(SQL.quoted(literal: table)))"
  }

  /// The first table begins a group of its own, so that tables of other projects or programs with a
  /// bigint key stay out of it.
  private static func distributed(_ table: String, beside first: String, _ shards: Int?) -> String {
    let column = SQL.quoted(literal: TablePlacement.distributionColumn)
    let group = table == first ? "none" : first
    let count = table == first ? shards.map { ", shard_count => \($0)" } ?? "" : ""
    return "SELECT create_distributed_table(\(SQL.quoted(literal: table)), \(column), "
      + "colocate_with => \(SQL.quoted(literal: group))\(count))"
  }
}
