import Foundation

extension DAG {
  /// What is wrong with the declared params.
  func paramProblems() -> [DAGProblem] {
    var found: [DAGProblem] = []
    var seen: Set<String> = []
    for param in params {
      if let fault = Self.nameFault(param.name) {
        found.append(problem("bad_name", "param: \(fault)"))
      }
      if !seen.insert(param.name).inserted {
        found.append(
          problem("duplicate_param", "expected one param '\(param.name)', found another"))
      }
      if let fault = param.type.fault {
        found.append(problem("bad_param", "param '\(param.name)': \(fault)"))
      } else {
        do throws(ParamFault) {
          _ = try param.usualValue()
        } catch {
          found.append(
            problem("bad_default", "the default of param '\(param.name)': \(error.message)"))
        }
      }
    }
    return found
  }

  /// Whose callbacks are checked.
  enum CallbackOwner { case run, task }

  /// What is wrong with callbacks.
  func callbackProblems(
    _ callbacks: [Callback], of owner: CallbackOwner, in declaration: TaskDeclaration? = nil
  ) -> [DAGProblem] {
    let heard: Set<CallbackEvent> =
      owner == .run ? [.failure, .success, .deadline] : [.failure, .success, .retry, .skipped]
    return callbacks.flatMap { callback in
      var messages: [String] = []
      if callback.on.isEmpty { messages.append("expected an event to call it on, found none") }
      let deaf = callback.on.subtracting(heard).map(\.rawValue).sorted()
      if !deaf.isEmpty {
        messages.append(
          "expected events of a \(owner == .run ? "run" : "task") ("
            + heard.map(\.rawValue).sorted().joined(separator: ", ")
            + "), found \(deaf.joined(separator: ", "))")
      }
      if owner == .run, deadline == nil, callback.on.contains(.deadline) {
        messages.append("expected a DAG with a deadline, found none to be told of")
      }
      if let fault = callback.action.fault { messages.append(fault) }
      return messages.map { problem("bad_callback", "callback: \($0)", in: declaration) }
    }
  }
}

extension Callback.Action {
  /// What makes the action one that cannot be called; nil if nothing does.
  var fault: String? {
    switch self {
    case .command(let words):
      guard let program = words.first, !program.isEmpty else {
        return "expected a program and its arguments, found an empty command"
      }
      return words.contains { $0.utf8.contains(0) }
        ? "expected arguments without NUL, found one in the command of '\(program)'" : nil
    case .webhook(let url):
      let parts = URLComponents(string: url)
      guard let scheme = parts?.scheme?.lowercased(), ["http", "https"].contains(scheme),
        parts?.host?.isEmpty == false
      else { return "expected an http or https URL with a host, found '\(url)'" }
      return nil
    }
  }
}

extension ParamType {
  /// What makes the type one that no value has, or that cannot be stored; nil if nothing does.
  var fault: String? {
    switch self {
    case .integer, .boolean, .day, .instant: return nil
    case .number(let range):
      guard let range, !range.lowerBound.isFinite || !range.upperBound.isFinite else { return nil }
      return "expected a finite range, found \(range.lowerBound) to \(range.upperBound)"
    case .text(let values, let length):
      if let length, length < 1 {
        return "expected a length of at least 1, found \(length)"
      }
      guard let values else { return nil }
      if values.isEmpty { return "expected values to choose from, found none" }
      if Set(values.map { Array($0.utf8) }).count != values.count {
        return "expected each value to choose from once, found one twice"
      }
      let long = values.first { $0.unicodeScalars.count > length ?? .max }
      return long.map { "expected values of at most \(length ?? 0) characters, found '\($0)'" }
    case .list(let item): return item.fault
    }
  }
}
