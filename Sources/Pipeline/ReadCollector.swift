import Foundation
import Synchronization

/// Notes which outputs a task encodes: those are the products it reads.
final class ReadCollector: Sendable {
  /// Where the encoder's user info holds the collector.
  static let key: CodingUserInfoKey = {
    guard let key = CodingUserInfoKey(rawValue: "strata.pipeline.reads") else {
      preconditionFailure("a user info key of literal text is always made")
    }
    return key
  }()

  /// A product read: the producer's id and the name of the type the reader expects.
  struct Read: Hashable {
    let producer: String
    let product: String
  }

  private let reads = Mutex<Set<Read>>([])

  func add(_ producer: String, product: String) {
    _ = reads.withLock { $0.insert(Read(producer: producer, product: product)) }
  }

  var all: Set<Read> { reads.withLock { $0 } }
}

/// Any ``Output``, when the properties of a task are looked through.
private protocol ProductReference {
  var taskID: String { get }
}

extension Output: ProductReference {}

/// Any optional ``Output``.
private protocol OptionalProductReference {
  var wrappedTaskID: String? { get }
}

extension Optional: OptionalProductReference where Wrapped: ProductReference {
  fileprivate var wrappedTaskID: String? { self?.taskID }
}

/// The producers whose outputs a task holds only in properties of type `Output<P>?`.
///
/// Encoding cannot tell: `encodeIfPresent` hides the optional. So the properties are reflected.
func optionalReads(of task: some TaskKind) -> Set<String> {
  var optional: Set<String> = []
  var required: Set<String> = []
  func visit(_ value: Any, depth: Int) {
    // Definitions are shallow; the bound only stops a value that holds itself.
    guard depth < 32 else { return }
    // A plain output would also cast to the optional protocol, by promotion; its mirror tells.
    if Mirror(reflecting: value).displayStyle == .optional,
      let output = value as? any OptionalProductReference
    {
      if let id = output.wrappedTaskID { optional.insert(id) }
    } else if let output = value as? any ProductReference {
      required.insert(output.taskID)
    } else {
      for child in Mirror(reflecting: value).children { visit(child.value, depth: depth + 1) }
    }
  }
  visit(task, depth: 0)
  return optional.subtracting(required)
}
