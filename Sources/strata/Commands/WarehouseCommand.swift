import ArgumentParser
import Warehouse

/// `strata warehouse …`: the database on more than one machine.
struct WarehouseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "warehouse", abstract: "The database on more than one machine.",
    subcommands: [Distribute.self])

  struct Distribute: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shard the database over a Citus cluster.",
      discussion: """
        Run it on the coordinator, while no run is under way: the tables of events, tiles, profiles \
        and memberships are sharded by customer_id, side by side; small tables that they are joined \
        with are copied to every node; the rest stays on the coordinator. What is placed already is \
        left alone, so the command may be repeated, also after an upgrade that brought new tables. \
        Citus keeps the coordinator's own copy of the rows until \
        truncate_local_data_after_distributing_table() is called for the table.

        Exit code 5 where the database is not ready: without the extension citus (12 or later), \
        with a coordinator that Citus does not know, or with tables placed otherwise.
        """)

    @Flag(help: "Only print the statements; without Citus, those for a new cluster.")
    var dryRun = false

    @Option(
      help: ArgumentHelp(
        "Shards of the tables; else what citus.shard_count says. Fixed with the first table.",
        valueName: "n"))
    var shards: Int?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
      if let shards, !(1...64_000).contains(shards) {
        throw ValidationError("expected --shards from 1 to 64000, found \(shards)")
      }
    }

    private struct Outcome: Encodable {
      let table: String
      let placement: String
      let outcome: String
      let statement: String?
    }

    func run() async throws {
      try await Session.open(global, limit: 2) { session in
        let console = session.console
        let distributor = Distributor(session.pool)
        if dryRun, try await distributor.citusVersion() == nil {
          console.note("this database lacks the extension citus; in a new cluster:")
        }
        let plan: DistributionPlan
        if dryRun {
          plan = try await distributor.plan(shards: shards)
        } else {
          plan = try await distributor.apply(shards: shards) { step in
            if !console.json, let statement = step.statement { console.print(statement + ";") }
          }
        }
        if console.json {
          let verb = dryRun ? "would place" : "placed"
          try console.print(
            json: plan.steps.map {
              Outcome(
                table: $0.name, placement: $0.placement,
                outcome: $0.statement == nil ? "unchanged" : verb, statement: $0.statement)
            })
        } else {
          if dryRun {
            for step in plan.pending { console.print((step.statement ?? "") + ";") }
          }
          let unchanged = plan.steps.count - plan.pending.count
          console.note(
            "\(plan.pending.count) \(dryRun ? "to place" : "placed"), \(unchanged) unchanged")
        }
        if dryRun, !plan.problems.isEmpty {
          throw WarehouseError(
            code: "warehouse.placement_conflict", message: plan.problems.joined(separator: "; "),
            hint: "undistribute_table() takes a table back")
        }
      }
    }
  }
}
