import Foundation

/// How much of a machine the features of everyone may take.
///
/// The variables of the environment are the truth, so that processes that this one starts keep to it
/// too; the options of the command line set them.
public struct ResourceLimits: Sendable, Hashable {
  /// The variable that holds the memory limit, for example `4GiB`.
  public static let memoryVariable = "STRATA_MEMORY_LIMIT"
  /// The variable that holds the number of threads.
  public static let threadsVariable = "STRATA_THREADS"
  /// What states that the next task may need take at most where there is no limit, in bytes.
  static let usualCacheBytes = 1 << 30

  /// Customer ranges at once, at least 1; each has a thread and a connection.
  public var threads: Int
  /// What the process may hold at its peak, in bytes; nil for no limit.
  public var memoryBytes: Int?

  /// Limits; without `threads` as many as there are processors.
  public init(threads: Int? = nil, memoryBytes: Int? = nil) {
    self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
    self.memoryBytes = memoryBytes
  }

  /// Those of this process, from its environment; what cannot be read there limits nothing, for the
  /// command has refused it.
  public static var process: ResourceLimits {
    let variables = ProcessInfo.processInfo.environment
    return ResourceLimits(
      threads: variables[threadsVariable].flatMap { Int($0) },
      memoryBytes: variables[memoryVariable].flatMap { bytes($0) })
  }

  /// What states that the next task may need take at most, in bytes.
  var cacheBytes: Int { memoryBytes.map { $0 / 4 } ?? Self.usualCacheBytes }

  /// Gives memory that was freed back to the system where there is a limit: the allocator keeps it for
  /// each thread, and what one task is done with would count against the next.
  public func giveBack() {
    guard memoryBytes != nil else { return }
    _ = Self.trim?(0)
  }

  /// glibc's `malloc_trim`; other allocators have none, and give back by themselves.
  private static let trim: (@convention(c) (Int) -> Int32)? = dlsym(nil, "malloc_trim").map {
    unsafeBitCast($0, to: (@convention(c) (Int) -> Int32).self)
  }

  /// A size as `4GiB`, `512MiB`, `2GB`, `1.5g` or a number of bytes; nil where the text is none.
  ///
  /// `KiB`, `MiB`, `GiB`, `TiB` (or `K`, `M`, `G`, `T`) are powers of 1024; `kB`, `MB`, `GB`, `TB` of
  /// 1000.
  public static func bytes(_ text: String) -> Int? {
    let trimmed = text.trimmingCharacters(in: .whitespaces)
    let digits = trimmed.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = trimmed.dropFirst(digits.count).trimmingCharacters(in: .whitespaces).lowercased()
    let steps = ["k", "m", "g", "t"]
    var factor = 1.0
    if !unit.isEmpty, unit != "b" {
      guard let step = steps.firstIndex(of: String(unit.prefix(1))) else { return nil }
      switch unit.dropFirst() {
      case "", "ib": factor = pow(1024, Double(step + 1))
      case "b": factor = pow(1000, Double(step + 1))
      default: return nil
      }
    }
    guard let number = Double(digits), (number * factor).isFinite, number > 0 else { return nil }
    return Int(exactly: (number * factor).rounded())
  }

  /// A size in words: `1.5 GiB`.
  public static func words(_ bytes: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var number = Double(bytes)
    var unit = 0
    while number >= 1024, unit < units.count - 1 {
      number /= 1024
      unit += 1
    }
    let tenths = (number * 10).rounded() / 10
    return (tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)") + " " + units[unit]
  }
}
