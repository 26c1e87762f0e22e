import Schedules

/// Something that only so many slots of may be taken at once.
public enum LimitKey: Hashable, Sendable {
  /// A pool.
  case pool(String)
  /// All attempts of a DAG.
  case dag(String)
  /// All attempts of a run.
  case run(Int64)
  /// The attempts at one task, over all runs of its DAG.
  case task(dag: String, task: String)
  /// The items of one mapped task of a run.
  case mapped(run: Int64, task: String)
}

/// How many slots a limit has.
public struct ClaimLimit: Hashable, Sendable {
  /// Slots in all.
  public var capacity: Int
  /// Slots taken; may exceed the capacity where that was lowered.
  public var used: Int

  /// A limit with some of its slots taken.
  public init(capacity: Int, used: Int) {
    self.capacity = capacity
    self.used = used
  }
}

/// What a run is for, as far as the fair share of slots goes.
public enum ClaimClass: String, Hashable, Sendable, CaseIterable {
  /// A backfill.
  case backfill
  /// What a schedule, an asset or a person asked for.
  case regular

  var other: ClaimClass { self == .backfill ? .regular : .backfill }
}

/// A task or item that is due, and that a worker may take.
public struct ClaimCandidate: Hashable, Sendable {
  /// Its run.
  public var run: Int64
  /// The task or item.
  public var key: TaskKey
  /// What the run is for.
  public var kind: ClaimClass
  /// Its priority, see ``RunPlan/priorities``; greater goes first.
  public var priority: Int
  /// When it became due; earlier goes first among equal priorities.
  public var dueAt: Instant
  /// The slots it takes of each limit that it falls under.
  public var slots: [LimitKey: Int]

  /// A candidate.
  public init(
    run: Int64, key: TaskKey, kind: ClaimClass = .regular, priority: Int = 0, dueAt: Instant,
    slots: [LimitKey: Int] = [:]
  ) {
    self.run = run
    self.key = key
    self.kind = kind
    self.priority = priority
    self.dueAt = dueAt
    self.slots = slots
  }

  func precedes(_ other: ClaimCandidate) -> Bool {
    if priority != other.priority { return priority > other.priority }
    return (dueAt, run, key) < (other.dueAt, other.run, other.key)
  }
}

/// How slots are shared out.
public struct ClaimShares: Hashable, Sendable {
  /// While backfills wait, at least one claim in so many is theirs; at least 2.
  public var backfillOneIn: Int
  /// While others wait, at least one claim in so many is theirs; at least 2.
  public var regularOneIn: Int
  /// How long a candidate has to have been due for before it may keep slots free that it cannot
  /// use yet, so that those who want fewer do not pass it forever.
  public var patience: Duration

  /// By default one claim in four for backfills, every other one for the rest, and five minutes.
  public init(
    backfillOneIn: Int = 4, regularOneIn: Int = 2, patience: Duration = .seconds(300)
  ) {
    precondition(
      backfillOneIn >= 2 && regularOneIn >= 2,
      "expected shares of one in 2 or more, found \(backfillOneIn) and \(regularOneIn)")
    self.backfillOneIn = backfillOneIn
    self.regularOneIn = regularOneIn
    self.patience = patience
  }

  func oneIn(_ kind: ClaimClass) -> Int { kind == .backfill ? backfillOneIn : regularOneIn }
}

/// How often each class had to stand back in a row; a worker hands it from one decision to the
/// next.
public struct ClaimTurns: Hashable, Sendable {
  /// Claims by others since a backfill that waited had one.
  public var backfill = 0
  /// Claims by backfills since another candidate that waited had one.
  public var regular = 0

  /// Nobody has stood back.
  public init() {}

  subscript(kind: ClaimClass) -> Int {
    get { kind == .backfill ? backfill : regular }
    set {
      switch kind {
      case .backfill: backfill = newValue
      case .regular: regular = newValue
      }
    }
  }
}

/// Which of the tasks that are due a worker takes.
///
/// The law: the greatest priority goes first, then what has been due for longest, then the older
/// run. What does not fit into a limit is passed over, so no slot that somebody can use stays
/// empty; only a candidate that lost its patience keeps what is free of the limits that refuse it.
/// Of the two classes, one that has stood back `oneIn − 1` times in a row while it waited goes
/// next. So a schedule goes on through a backfill, and a backfill through a busy schedule, whatever
/// their priorities.
public struct ClaimDecision: Hashable, Sendable {
  /// The indices of the chosen candidates, in the order in which they were chosen.
  public let chosen: [Int]
  /// The limits that refused somebody, with the slots that are left of each: only candidates that
  /// want no more of them are worth looking at.
  public let full: [LimitKey: Int]
  /// For the next decision.
  public let turns: ClaimTurns

  /// Decides on candidates that are due, in any order: the best of each class, where not all are
  /// loaded.
  ///
  /// Cost: n log n in the candidates.
  ///
  /// - Parameters:
  ///   - limits: those that candidates fall under; one that is absent is none.
  ///   - freeSlots: attempts that the worker can start.
  public init(
    _ candidates: [ClaimCandidate], limits: [LimitKey: ClaimLimit], freeSlots: Int,
    shares: ClaimShares = ClaimShares(), turns: ClaimTurns = ClaimTurns(), at now: Instant
  ) {
    var queues = Queues(candidates)
    var limits = limits
    var turns = turns
    var chosen: [Int] = []
    var full: Set<LimitKey> = []
    while chosen.count < freeSlots, let kind = queues.next(turns, shares) {
      guard let index = queues.take(kind) else { break }
      let candidate = candidates[index]
      let refusing = candidate.slots.filter { key, slots in
        limits[key].map { $0.used + slots > $0.capacity } ?? false
      }
      guard refusing.isEmpty else {
        full.formUnion(refusing.keys)
        if now - candidate.dueAt >= shares.patience { Self.reserve(refusing, &limits) }
        continue
      }
      for (key, slots) in candidate.slots { limits[key]?.used += slots }
      chosen.append(index)
      turns[kind] = 0
      if !queues.isEmpty(kind.other) { turns[kind.other] += 1 }
    }
    self.chosen = chosen
    self.full = Dictionary(
      uniqueKeysWithValues: full.map { key in
        (key, limits[key].map { max(0, $0.capacity - $0.used) } ?? 0)
      })
    self.turns = turns
  }

  /// Keeps what is free of limits for one that wants more, unless it can never have it.
  private static func reserve(_ wanted: [LimitKey: Int], _ limits: inout [LimitKey: ClaimLimit]) {
    let isPossible = wanted.allSatisfy { key, slots in slots <= limits[key]?.capacity ?? slots }
    guard isPossible else { return }
    for key in wanted.keys {
      if let limit = limits[key] { limits[key]?.used = max(limit.used, limit.capacity) }
    }
  }

  /// The candidates that have not been looked at, by class, the best last.
  private struct Queues {
    private let candidates: [ClaimCandidate]
    private var waiting: [ClaimClass: [Int]]

    init(_ candidates: [ClaimCandidate]) {
      self.candidates = candidates
      waiting = Dictionary(grouping: candidates.indices) { candidates[$0].kind }
        .mapValues { $0.sorted { candidates[$1].precedes(candidates[$0]) } }
    }

    func isEmpty(_ kind: ClaimClass) -> Bool { waiting[kind, default: []].isEmpty }

    mutating func take(_ kind: ClaimClass) -> Int? { waiting[kind]?.popLast() }

    /// The class whose turn it is; nil when nobody waits.
    func next(_ turns: ClaimTurns, _ shares: ClaimShares) -> ClaimClass? {
      guard let backfill = waiting[.backfill]?.last else {
        return isEmpty(.regular) ? nil : .regular
      }
      guard let regular = waiting[.regular]?.last else { return .backfill }
      // Never both at once: a claim sets the count of its class to 0, and each share is below one.
      for kind in ClaimClass.allCases where turns[kind] >= shares.oneIn(kind) - 1 { return kind }
      return candidates[backfill].precedes(candidates[regular]) ? .backfill : .regular
    }
  }
}
