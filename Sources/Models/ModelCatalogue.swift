import Diagnostics
import FeatureStore
import Features
import Foundation
import Learning
import Rules
import Schedules
import Yams

/// A declared model with its rules read and its features resolved: ready to be trained.
public struct CheckedModel: Sendable {
  /// The declaration.
  public let definition: ModelDefinition
  /// Who is looked at, evaluated at the cut.
  public let population: Rule
  /// What is learned, evaluated at the end of the horizon.
  public let label: Rule
  /// See `ModelDefinition.hash`.
  public let hash: String

  /// Every feature that the model or one of its rules reads, by canonical name, sorted.
  public var reads: [String] {
    Set(definition.features + (population.attributes + label.attributes).map(\.name)).sorted()
  }
}

/// The models of a project, checked, in file order.
public struct ModelCatalogue: Sendable {
  /// The models in file order.
  public let models: [CheckedModel]

  /// Reads a catalogue from YAML text; `file` is what messages call it.
  ///
  /// - Throws: `models.invalid_catalogue` with every problem, each at its place.
  public init(
    yaml: String, features: FeatureCatalogue, zone: Zone? = nil, file: String = "models.yaml"
  ) throws {
    var checker = ModelChecker(
      reader: YAMLReader(file: file, area: "models"), features: features, zone: zone)
    models = try checker.check(yaml)
    guard checker.reader.problems.isEmpty else {
      throw ModelError.invalid(checker.reader.problems, in: file)
    }
  }

  /// Reads a catalogue file.
  ///
  /// - Throws: `models.unreadable_catalogue`, or as ``init(yaml:features:zone:file:)``.
  public init(contentsOf url: URL, features: FeatureCatalogue, zone: Zone? = nil) throws {
    let text: String
    do { text = try String(contentsOf: url, encoding: .utf8) } catch {
      throw ModelError(
        code: "models.unreadable_catalogue",
        message: "expected a model catalogue in UTF-8 at \(url.path), found: \(error)")
    }
    try self.init(yaml: text, features: features, zone: zone, file: url.lastPathComponent)
  }

  /// What the rules of a file's models ask about events; nothing of rules that cannot be read, whose
  /// problems ``init(contentsOf:features:zone:)`` reports.
  public static func questions(path: String) -> [EventQuestion] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let models = try? Yams.compose(yaml: text)?.mapping?["models"]?.sequence
    else { return [] }
    return models.flatMap { model in
      ["population", "label"].flatMap { key in
        model.mapping?[key]?.string.map(Rule.questions) ?? []
      }
    }
  }

  /// The model of a name.
  ///
  /// - Throws: `models.unknown_model` with a suggestion.
  public func resolve(_ name: String) throws(ModelError) -> CheckedModel {
    if let model = models.first(where: { $0.definition.name == name }) { return model }
    let names = models.map(\.definition.name)
    throw ModelError(
      code: "models.unknown_model", message: "expected a model, found '\(name)'",
      hint: Suggestion.hint(for: name, among: names)
        ?? "models there are: \(names.isEmpty ? "none" : names.joined(separator: ", "))")
  }
}

/// Checks a catalogue's text against the features, the learners and the rule language.
struct ModelChecker {
  var reader: YAMLReader
  /// With the hidden features that answer what the models' rules ask about events.
  var features: FeatureCatalogue
  let zone: Zone?

  mutating func check(_ yaml: String) throws -> [CheckedModel] {
    guard let root = reader.compose(yaml, expecting: "version and models"),
      let fields = reader.fields(
        of: root, required: ["version", "models"], what: "the catalogue")
    else { return [] }
    _ = reader.integer(fields["version"], 1...1, "version")
    guard let entries = fields["models"] else { return [] }
    var models: [CheckedModel] = []
    var names: Set<String> = []
    for entry in reader.list(entries, "models") {
      guard
        let fields = reader.fields(
          of: entry,
          required: ["name", "learner", "population", "label", "horizon", "features"],
          optional: ["description", "cuts", "every", "parameters", "seed"], what: "a model")
      else { continue }
      let model = try self.model(fields)
      if let node = fields["name"], let name = node.string, !names.insert(name).inserted {
        reader.report(node, "duplicate_name", "expected each model once, found '\(name)' again")
      }
      if let model { models.append(model) }
    }
    return models
  }

  /// The model of one entry; nil after a problem was reported.
  private mutating func model(_ fields: [String: Node]) throws -> CheckedModel? {
    let before = reader.problems.count
    let name = name(fields["name"])
    let description = fields["description"].flatMap { reader.text($0, "a description") } ?? ""
    let learner = reader.text(fields["learner"], "a learner's name")
    let horizon = reader.days(fields["horizon"], "a horizon")
    let cuts = fields["cuts"].map { reader.integer($0, 3...100, "a number of cuts") } ?? 6
    let every = fields["every"].map { reader.days($0, "a distance between cuts") } ?? 30
    let seed = fields["seed"].map { reader.integer($0, 0...2_147_483_647, "a seed") } ?? 1
    let population = rule(fields["population"], "a population rule")
    let label = rule(fields["label"], "a label rule")
    if let label, let horizon, let node = fields["label"] {
      checkReach(of: label.rule, horizonDays: horizon, at: node)
    }
    let names = featureNames(fields["features"])
    let parameters = parameters(fields["parameters"])
    if let learner, let node = fields["learner"] {
      for problem in Learners.problems(learner: learner, parameters: parameters) {
        let place =
          problem.code == "learning.unknown_learner" ? node : fields["parameters"] ?? node
        reader.report(
          FileProblem(
            file: reader.file, line: place.mark?.line ?? 1, column: place.mark?.column ?? 1,
            code: problem.code, message: problem.message, hint: problem.hint))
      }
    }
    guard reader.problems.count == before, let name, let learner, let horizon, let cuts, let every,
      let seed, let population, let label
    else { return nil }
    let definition = ModelDefinition(
      name: name, learner: learner, population: population.text, label: label.text,
      horizonDays: horizon, cuts: cuts, everyDays: every, features: names,
      parameters: parameters, seed: UInt32(seed), description: description)
    let reads = names + (population.rule.attributes + label.rule.attributes).map(\.name)
    return CheckedModel(
      definition: definition, population: population.rule, label: label.rule,
      hash: try definition.hash(of: features, reading: reads))
  }

  private mutating func name(_ node: Node?) -> String? {
    guard let node, let name = reader.text(node, "a name") else { return nil }
    let letters = Set("abcdefghijklmnopqrstuvwxyz")
    let others = Set("0123456789_")
    guard name.utf8.count <= 63, name.first.map(letters.contains) == true,
      name.allSatisfy({ letters.contains($0) || others.contains($0) })
    else {
      reader.report(
        node, "bad_name",
        "expected a name of lower-case letters, digits and _, found '\(name)'",
        "at most 63, beginning with a letter")
      return nil
    }
    return name
  }

  private mutating func rule(_ node: Node?, _ what: String) -> (text: String, rule: Rule)? {
    guard let node, let text = reader.text(node, what) else { return nil }
    let place = SourceLocation(
      file: reader.file, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    do {
      let rule = try Rule(
        parsing: text, attributes: FeatureAttributes(features), zone: zone, at: place)
      features = features.answering(rule.attributes.compactMap(\.question))
      for reference in rule.references {
        reader.report(
          node, "segment_in_rule",
          "expected features only in \(what), found segment "
            + "'\(reference)'", "write the segment's conditions instead")
      }
      for attribute in rule.attributes {
        guard let feature = features.feature(named: attribute.name), feature.isExternal else {
          continue
        }
        reader.report(
          node, "not_point_in_time",
          "expected features of events in \(what), found '\(feature.name)' (\(feature.source))",
          "profiles and scores are known as they are now, not as they were at a cut")
      }
      return (text, rule)
    } catch let faults {
      for fault in faults.errors {
        reader.report(
          FileProblem(
            file: reader.file, line: fault.location?.line ?? place.line,
            column: fault.location?.column ?? place.column, code: fault.code,
            message: fault.message, hint: fault.hint))
      }
      return nil
    }
  }

  /// A label may look at the days after the cut only, else the features hold part of the answer.
  private mutating func checkReach(of rule: Rule, horizonDays: Int, at node: Node) {
    for attribute in rule.attributes {
      guard let feature = features.feature(named: attribute.name), let window = feature.window
      else { continue }
      let cut = Day(number: 20_000)
      let span = window.span(endingOn: cut + horizonDays)
      if case .lifetime = window.length { continue }
      if span.first <= cut {
        reader.report(
          node, "label_reaches_back",
          "expected a label over the \(horizonDays) days after the cut, found "
            + "'\(feature.name)', which looks at the \(window)",
          "shorten the feature's window or lengthen the horizon")
      }
    }
  }

  private mutating func featureNames(_ node: Node?) -> [String] {
    guard let node else { return [] }
    var names: [String] = []
    for item in reader.list(node, "features") {
      guard let name = reader.text(item, "a feature") else { continue }
      guard let feature = features.feature(named: name) else {
        reader.report(
          item, "unknown_feature", "expected a feature, found '\(name)'",
          features.suggestion(for: name))
        continue
      }
      if feature.isExternal {
        reader.report(
          item, "not_point_in_time",
          "expected a feature of events, found '\(feature.name)' (\(feature.source))",
          "profiles and scores are known as they are now, not as they were at a cut")
      } else if names.contains(feature.name) {
        reader.report(
          item, "duplicate_feature", "expected each feature once, found '\(feature.name)' again")
      }
      names.append(feature.name)
    }
    return names
  }

  private mutating func parameters(_ node: Node?) -> [String: Double] {
    guard let node else { return [:] }
    guard case .mapping(let mapping) = node else {
      reader.report(
        node, "bad_value", "expected parameters as a mapping, found \(YAMLReader.words(node))")
      return [:]
    }
    var parameters: [String: Double] = [:]
    for (key, value) in mapping {
      guard let name = key.string, let number = value.scalar.flatMap({ Double($0.string) }),
        number.isFinite
      else {
        reader.report(
          value, "bad_value",
          "expected a number for '\(key.string ?? "a parameter")', found "
            + YAMLReader.words(value))
        continue
      }
      parameters[name] = number
    }
    return parameters
  }
}
