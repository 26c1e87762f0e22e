import ArgumentParser
import Foundation
import Tasks

/// `strata customers …`: what a person may ask of the company that holds data about it.
struct CustomersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "customers", abstract: "Erase customers who ask for it.",
    subcommands: [Erase.self, Erasures.self])

  struct Erase: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove everything of a customer, for good.",
      discussion: """
        Events, profiles, keys, rejected rows, features, scores and memberships go in one \
        transaction; the customer leaves its segments with the cause erasure. What stays: a keyed \
        hash of the keys, by which loads drop rows that bring the customer again, the stays in \
        segments under an internal number that nothing connects with the person, and an entry in \
        the list of erasures. Refused while a run is under way.
        """)
    @Argument(help: "Any of the customer's keys, as the sources write it.") var customer: String
    @Option(help: "Why; noted, without the key.") var reason: String
    @Option(help: "Who does it; by default the user of this machine.") var author: String?
    @Flag(name: .shortAndLong, help: "Do not ask.") var yes = false
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 2) { session in
        let eraser = CustomerEraser(pool: session.pool)
        let console = session.console
        if !yes, let subject = try await eraser.subject(of: customer) {
          guard try confirms(subject) else {
            console.note("nothing was erased")
            throw ExitCode(2)
          }
        }
        let report = try await eraser.erase(
          customer, reason: reason, author: author ?? NSUserName())
        if !report.isRepeated {
          do {
            try await eraser.vacuum(after: report)
          } catch {
            console.warn("deleted rows stay on the disk until autovacuum has been there: \(error)")
          }
        }
        if console.json { return try console.print(json: report) }
        let when = Moment.local(report.erasedAt, in: session.project.zone)
        if report.isRepeated {
          return console.print("erased before: erasure \(report.erasureID), \(when)")
        }
        let rows = report.erased.values.reduce(0, +)
        console.print(
          "erasure \(report.erasureID): \(Format.count(rows)) rows of "
            + "\(report.erased.count) tables removed or changed"
            + (report.publicationID.map { ", publication \($0)" } ?? ""))
      }
    }

    /// Asks the person at the terminal.
    private func confirms(_ subject: ErasureSubject) throws -> Bool {
      guard isatty(STDIN_FILENO) == 1 else {
        throw UsageError(
          message: "expected --yes, or a terminal to ask at, found neither",
          hint: "an erasure cannot be undone; nothing was erased")
      }
      let others = subject.keys.filter { $0 != customer }
      Console.write(
        "Erase everything of \(customer)"
          + (others.isEmpty ? "" : ", also known as \(others.joined(separator: ", "))")
          + "? It cannot be undone. [y/N] ", to: STDERR_FILENO)
      return ["y", "yes"].contains((readLine() ?? "").lowercased())
    }
  }

  struct Erasures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What was erased when, by whom and why; not who it was.")
    @Option(help: "At most so many.") var limit = 100
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let zone = session.project.zone
        try session.console.list(
          try await CustomerEraser(pool: session.pool).list(limit: limit),
          empty: "nobody has been erased",
          [
            TableColumn(number: "id") { "\($0.erasureID)" },
            TableColumn("erased at") { Moment.local($0.erasedAt, in: zone) },
            TableColumn("author") { $0.author },
            TableColumn(number: "rows") { Format.count($0.erased.values.reduce(0, +)) },
            TableColumn(number: "publication") { $0.publicationID.map(String.init) ?? "-" },
            TableColumn("reason") { $0.reason },
          ])
      }
    }
  }
}
