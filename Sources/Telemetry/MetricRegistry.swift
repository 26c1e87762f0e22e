import CoreMetrics
import Synchronization

/// What a metric is for, and where its values fall.
public struct MetricDescription: Sendable, Hashable {
  /// The name as Prometheus shows it, with its unit: `strata_queue_wait_seconds`.
  public let name: String
  /// One sentence, shown as HELP.
  public let help: String
  /// The upper bounds of a histogram's buckets, rising; nil for the usual ones.
  public let buckets: [Double]?

  /// A description of the metric `name`.
  public init(_ name: String, _ help: String, buckets: [Double]? = nil) {
    self.name = name
    self.help = help
    self.buckets = buckets
  }
}

/// Keeps counters, gauges and histograms in memory, for Prometheus to fetch: see ``text()``.
///
/// Timers are histograms in seconds, recorders that aggregate are histograms of their values, and
/// the other recorders and meters are gauges. Labels are an own series each; a series is never
/// forgotten, so a label must not take unbounded values (no run numbers).
public final class MetricRegistry: MetricsFactory {
  /// The registry of this process, once ``bootstrap(_:)`` has made it the one in use.
  public static let shared = MetricRegistry()
  private static let isInstalled = Mutex(false)

  /// Bounds in seconds from a millisecond to an hour.
  static let usualBuckets: [Double] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600,
  ]

  private struct State {
    var families: [String: MetricFamily] = [:]
    var descriptions: [String: MetricDescription] = [:]
  }

  private let state = Mutex(State())

  /// An empty registry.
  public init(_ descriptions: [MetricDescription] = []) { describe(descriptions) }

  /// Makes ``shared`` what the process's metrics go to; metrics made before it stay unseen.
  public static func bootstrap(_ descriptions: [MetricDescription]) {
    shared.describe(descriptions)
    let isFirst = isInstalled.withLock { installed in
      defer { installed = true }
      return !installed
    }
    if isFirst { MetricsSystem.bootstrap(shared) }
  }

  /// Tells what metrics are for; those that exist already keep their buckets.
  public func describe(_ descriptions: [MetricDescription]) {
    state.withLock { state in
      for description in descriptions { state.descriptions[description.name] = description }
    }
  }

  /// All values in Prometheus' text format, sorted by name and labels.
  public func text() -> String {
    let (families, descriptions) = state.withLock { ($0.families, $0.descriptions) }
    return families.values.sorted { $0.name < $1.name }.map { family in
      PrometheusText.family(family, help: descriptions[family.name]?.help)
    }.joined()
  }

  /// The series of a metric, made where it is new.
  private func series<Series: MetricSeries>(
    _ label: String, _ dimensions: [(String, String)], _ kind: MetricKind, _ type: Series.Type,
    _ make: ([Double]) -> Series
  ) -> Series {
    let name = PrometheusText.name(label)
    let labels = MetricLabels(dimensions)
    return state.withLock { state in
      let family = state.families[name] ?? MetricFamily(name: name, kind: kind)
      state.families[name] = family
      guard let known = family.series(labels) else {
        precondition(family.kind == kind, "the metric \(name) is a \(family.kind) and a \(kind)")
        let series = make(state.descriptions[name]?.buckets ?? Self.usualBuckets)
        family.add(series, labels)
        return series
      }
      guard let series = known as? Series else {
        preconditionFailure("the metric \(name) is a \(family.kind) and a \(kind)")
      }
      return series
    }
  }

  // MARK: MetricsFactory

  /// A counter of whole numbers.
  public func makeCounter(
    label: String, dimensions: [(String, String)]
  ) -> any CounterHandler {
    series(label, dimensions, .counter, CounterSeries.self) { _ in CounterSeries() }
  }

  /// A counter of any numbers.
  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, dimensions, .counter, CounterSeries.self) { _ in CounterSeries() }
  }

  /// A gauge.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, .gauge, GaugeSeries.self) { _ in GaugeSeries() }
  }

  /// A histogram, or a gauge of the last value.
  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    guard aggregate else {
      return series(label, dimensions, .gauge, GaugeSeries.self) { _ in GaugeSeries() }
    }
    return series(label, dimensions, .histogram, HistogramSeries.self) { HistogramSeries($0) }
  }

  /// A histogram in seconds.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, dimensions, .histogram, HistogramSeries.self) { HistogramSeries($0) }
  }

  /// Keeps the series: a counter that comes back must not begin anew.
  public func destroyCounter(_ handler: any CounterHandler) {}
  /// Keeps the series.
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  /// Keeps the series.
  public func destroyMeter(_ handler: any MeterHandler) {}
  /// Keeps the series.
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  /// Keeps the series.
  public func destroyTimer(_ handler: any TimerHandler) {}
}
