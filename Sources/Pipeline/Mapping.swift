/// Over what a mapped task is spread: one task instance for each combination of items.
public struct Mapping: Codable, Sendable, Hashable {
  /// How items of several sources are combined.
  public enum Mode: String, Codable, Sendable, Hashable, CaseIterable {
    /// Each with each; the last source varies fastest.
    case cross
    /// The first with the first, the second with the second; all sources have the same length.
    case zip
  }

  /// Where the items come from, in the order of the task's arguments.
  public let sources: [MappingSource]
  /// How they are combined.
  public let mode: Mode
  /// The most instances; more fail the task before any of them starts.
  public let limit: Int
  /// Instances that run at once; nil for no limit of its own.
  public let maxActive: Int?

  /// A mapping over sources.
  public init(
    sources: [MappingSource], mode: Mode = .cross, limit: Int = usualLimit,
    maxActive: Int? = nil
  ) {
    self.sources = sources
    self.mode = mode
    self.limit = limit
    self.maxActive = maxActive
  }

  /// What stands in the task's configuration for the item of each source: `ranges[]` for one of
  /// task `ranges` (`ranges[]2` where it is a source for the second time), `~0[]` for one of the
  /// list at position 0.
  public var itemIDs: [String] {
    var uses: [String: Int] = [:]
    return sources.enumerated().map { position, source in
      switch source {
      case .literal: return "~\(position)[]"
      case .output(let task):
        let use = uses[task, default: 0] + 1
        uses[task] = use
        return use == 1 ? "\(task)[]" : "\(task)[]\(use)"
      }
    }
  }

  /// The limit where a mapping does not say.
  public static let usualLimit = 1024

  /// Whether an id is that of an item: no task's id has a bracket.
  static func isItem(_ id: String) -> Bool { id.utf8.contains(UInt8(ascii: "[")) }
}

/// Something that a task can be mapped over: the output of a task that produces a list, or a list.
public protocol MappableItems {
  /// One item.
  associatedtype Item: Codable

  /// The source as it stands in the definition.
  ///
  /// - Throws: the encoder's error, for items that do not encode.
  func mappingSource() throws -> MappingSource
}

// The items have to be Sendable as well; a conditional conformance cannot ask for that, so the
// functions that take sources do.

/// A product that is a list.
public protocol ListProduct: Codable {
  /// One item of it.
  associatedtype Element: Codable
}

extension Array: ListProduct where Element: Codable {}

extension Array: MappableItems where Element: Codable {
  /// One value of the list.
  public typealias Item = Element

  /// The values.
  public func mappingSource() throws -> MappingSource {
    .literal(try map { try JSONValue(encoding: $0) })
  }
}

extension Output: MappableItems where Product: ListProduct {
  /// One item of the list that the task produces.
  public typealias Item = Product.Element

  /// The task.
  public func mappingSource() -> MappingSource { .output(taskID) }
}

/// One list that a mapped task is spread over.
public enum MappingSource: Sendable, Hashable {
  /// The product of a task, which is a list.
  case output(String)
  /// A list that stands in the definition.
  case literal([JSONValue])
}

extension MappingSource: Codable {
  private enum CodingKeys: String, CodingKey { case output, literal }

  /// Decodes `{"output": "ranges"}` or `{"literal": [1, 2]}`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let task = try container.decodeIfPresent(String.self, forKey: .output) {
      self = .output(task)
    } else {
      self = .literal(try container.decode([JSONValue].self, forKey: .literal))
    }
  }

  /// Encodes one member.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .output(let task): try container.encode(task, forKey: .output)
    case .literal(let items): try container.encode(items, forKey: .literal)
    }
  }
}
