import CoreMetrics
import Synchronization

/// What Prometheus calls the type of a metric.
enum MetricKind: String, Sendable { case counter, gauge, histogram }

/// The labels of a series, sorted by name; of a name that is given twice the last one counts.
struct MetricLabels: Hashable, Comparable, Sendable {
  let pairs: [Pair]

  struct Pair: Hashable, Sendable {
    let name: String
    let value: String
  }

  init(_ dimensions: [(String, String)]) {
    var values: [String: String] = [:]
    for (name, value) in dimensions { values[PrometheusText.labelName(name)] = value }
    pairs = values.sorted { $0.key < $1.key }.map { Pair(name: $0.key, value: $0.value) }
  }

  static func < (left: MetricLabels, right: MetricLabels) -> Bool {
    left.pairs.lexicographicallyPrecedes(right.pairs) { ($0.name, $0.value) < ($1.name, $1.value) }
  }
}

/// The series of one name, one for each set of labels.
final class MetricFamily: Sendable {
  let name: String
  let kind: MetricKind
  private let known = Mutex<[MetricLabels: any MetricSeries]>([:])

  init(name: String, kind: MetricKind) {
    self.name = name
    self.kind = kind
  }

  func series(_ labels: MetricLabels) -> (any MetricSeries)? { known.withLock { $0[labels] } }

  func add(_ series: any MetricSeries, _ labels: MetricLabels) {
    known.withLock { $0[labels] = series }
  }

  /// All series, in the order of their labels.
  var sorted: [(labels: MetricLabels, series: any MetricSeries)] {
    known.withLock { $0 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

/// The values of one name and set of labels.
protocol MetricSeries: AnyObject, Sendable {
  /// What it shows now.
  var value: MetricValue { get }
}

/// A series as it is shown.
enum MetricValue: Sendable, Equatable {
  case number(Double)
  /// How many values were at most each bound, how many there were in all, and their sum.
  case histogram(bounds: [Double], counts: [Int], count: Int, sum: Double)
}

/// A number that only rises.
final class CounterSeries: MetricSeries, CounterHandler, FloatingPointCounterHandler {
  private let total = Mutex(0.0)

  var value: MetricValue { .number(total.withLock { $0 }) }

  func increment(by amount: Int64) { increment(by: Double(amount)) }

  /// Amounts below zero are no counting, and count as none.
  func increment(by amount: Double) {
    guard amount > 0 else { return }
    total.withLock { $0 += amount }
  }

  func reset() { total.withLock { $0 = 0 } }
}

/// A number that rises and falls.
final class GaugeSeries: MetricSeries, MeterHandler, RecorderHandler {
  private let current = Mutex(0.0)

  var value: MetricValue { .number(current.withLock { $0 }) }

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { current.withLock { $0 = value } }
  func increment(by amount: Double) { current.withLock { $0 += amount } }
  func decrement(by amount: Double) { current.withLock { $0 -= amount } }
  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
}

/// Counts of values by size.
final class HistogramSeries: MetricSeries, RecorderHandler, TimerHandler {
  private struct State {
    /// Values in each bucket alone; the last one holds those above all bounds.
    var counts: [Int]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  init(_ bounds: [Double]) {
    self.bounds = bounds
    state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  func record(_ value: Int64) { record(Double(value)) }

  /// Takes a value in; one that is no number is left out, since it would spoil the sum for ever.
  func record(_ value: Double) {
    guard !value.isNaN else { return }
    var low = 0
    var high = bounds.count
    while low < high {
      let middle = (low + high) / 2
      if value <= bounds[middle] { high = middle } else { low = middle + 1 }
    }
    state.withLock { state in
      state.counts[low] += 1
      state.sum += value
    }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  var value: MetricValue {
    let state = state.withLock { $0 }
    var total = 0
    let counts = state.counts.dropLast().map { count in
      total += count
      return total
    }
    return .histogram(
      bounds: bounds, counts: counts, count: total + (state.counts.last ?? 0), sum: state.sum)
  }
}
