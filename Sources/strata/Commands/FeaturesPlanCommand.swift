import ArgumentParser
import Features
import Tasks

extension FeaturesCommand {
  struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What an edited features.yaml changes, before it is built.",
      discussion: """
        Compared with what was last built: features that come to other values, by themselves or by \
        what they are computed from, the tile columns and columns of the state that are built for \
        them, and the segments and models that read them. Nothing else is built anew.
        """)
    @Flag(help: "Features that stay as they are, too.") var all = false
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let all = all
      try await Session.open(global, limit: 2) { session in
        let catalogues = Catalogues(project: session.project)
        var readers: [FeaturePlan.Reader] = []
        var misfit: (any Error)?
        // A segment that reads a feature which is gone is no reason to show less.
        do { readers = try catalogues.readers(of: try catalogues.features()) } catch {
          misfit = error
        }
        if let error = misfit as? FeatureError { throw error }
        let plan = try await catalogues.featurePlan(readers: readers, in: session.pool).plan
        try Self.show(plan, all: all, session.console)
        if let misfit { throw misfit }
      }
    }

    private static func show(_ plan: FeaturePlan, all: Bool, _ console: Console) throws {
      if console.json { return try console.print(json: plan) }
      let entries = plan.features.filter { all || $0.category != .unchanged }
      try console.list(
        entries, empty: "nothing changes: every feature is as it was last built",
        [
          TableColumn("feature") { $0.feature },
          TableColumn("change") { $0.category.rawValue },
          TableColumn("was") { $0.was ?? "-" },
          TableColumn("is") {
            $0.because.isEmpty ? $0.now ?? "-" : "by " + $0.because.joined(separator: ", ")
          },
        ])
      if plan.isFirst { console.note("nothing was built yet: the first build makes everything") }
      guard !plan.isEmpty else { return }
      let counts = plan.slotsToBuild.count
      console.print("")
      console.print(
        "state: \(counts) column\(counts == 1 ? "" : "s") built, \(plan.slotsKept) kept, "
          + "\(plan.slotsToDrop.count) dropped")
      for slot in plan.slotsToBuild { console.print("  + \(slot)") }
      for slot in plan.slotsToDrop { console.print("  - \(slot)") }
      if !plan.measuresToFill.isEmpty {
        console.print("tiles to fill: \(plan.measuresToFill.joined(separator: ", "))")
      }
      for reader in plan.readers {
        console.print(
          "\(reader.kind) \(reader.name) reads \(reader.features.joined(separator: ", "))")
      }
    }
  }
}
