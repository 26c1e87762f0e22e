import Diagnostics

extension DAGSnapshot {
  /// The params of a run from a command line's texts: checked, with the defaults filled in.
  ///
  /// A run that gives a value equal to the default has the params, and so the hash, of one that
  /// gives none; where the DAG declares no params they are `{}`.
  ///
  /// - Throws: ``PipelineError`` `pipeline.bad_params` with every problem at once.
  public func params(from texts: [String: String]) throws(PipelineError) -> JSONValue {
    try params(named: Set(texts.keys)) { param throws(ParamFault) in
      guard let text = texts[param.name] else { return nil }
      return try param.type.value(parsing: text)
    }
  }

  /// The params of a run from a JSON object: checked, with the defaults filled in.
  ///
  /// - Throws: ``PipelineError`` `pipeline.bad_params` with every problem at once.
  public func params(from json: JSONValue) throws(PipelineError) -> JSONValue {
    guard case .object(let members) = json else {
      throw PipelineError(
        code: "pipeline.bad_params",
        message: "expected the params of '\(name)' as a JSON object, found \(json)")
    }
    return try params(named: Set(members.keys)) { param throws(ParamFault) in
      guard let value = members[param.name] else { return nil }
      // Null is the value of an optional parameter only.
      if value == .null, param.default == .null { return value }
      return try param.type.value(value)
    }
  }

  private func params(
    named given: Set<String>, _ read: (Param) throws(ParamFault) -> JSONValue?
  ) throws(PipelineError) -> JSONValue {
    var problems: [DAGProblem] = []
    var values: [String: JSONValue] = [:]
    func add(_ what: String, _ message: String, hint: String? = nil) {
      problems.append(
        DAGProblem(
          code: "pipeline.\(what)", dag: name, task: nil, message: message, hint: hint,
          location: nil))
    }
    for param in params {
      do throws(ParamFault) {
        if let value = try read(param) {
          values[param.name] = value
        } else if let usual = try param.usualValue() {
          values[param.name] = usual
        } else {
          add(
            "missing_param", "expected param '\(param.name)', \(param.type.words), found none",
            hint: param.summary)
        }
      } catch {
        add("wrong_param", "param '\(param.name)': \(error.message)", hint: param.summary)
      }
    }
    let known = params.map(\.name)
    for unknown in given.subtracting(known).sorted() {
      add(
        "unknown_param", "expected a param of this DAG, found '\(unknown)'",
        hint: known.isEmpty
          ? "it declares none" : Suggestion.hint(for: unknown, among: known, noun: "params"))
    }
    guard problems.isEmpty else {
      let count = "\(problems.count) problem\(problems.count == 1 ? "" : "s")"
      throw PipelineError(
        code: "pipeline.bad_params", message: "the params of '\(name)' have \(count)",
        problems: problems)
    }
    return .object(values)
  }
}

extension Param {
  /// The default in the form that a given value would have; nil where the parameter is required.
  func usualValue() throws(ParamFault) -> JSONValue? {
    guard let value = `default` else { return nil }
    return value == .null ? .null : try type.value(value)
  }
}
