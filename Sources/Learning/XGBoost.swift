import CXGBoost
import Columns

/// XGBoost's C API as two owning classes and errors.
///
/// Buffers that the library hands out are valid until the next call on the same thread: each is
/// copied at once. The handles are not for sharing; `LearningThread` is the only caller.
enum XGBoost {
  /// Turns a status into an error with the library's own words.
  static func check(_ status: Int32, _ call: String) throws(LearningError) {
    guard status != 0 else { return }
    let text = XGBGetLastError().map { String(cString: $0) } ?? "no message"
    // The library appends a stack trace; its first line says what is wrong.
    let line = text.split(separator: "\n").first.map(String.init) ?? text
    throw LearningError(code: "learning.library", message: "XGBoost refused \(call): \(line)")
  }

  /// Data in the library's memory.
  final class Data {
    let handle: DMatrixHandle
    let rowCount: Int

    init(_ matrix: Matrix, labels: Bitset? = nil, threads: Int) throws(LearningError) {
      var created: DMatrixHandle?
      let status = matrix.values.withUnsafeBufferPointer {
        XGDMatrixCreateFromMat_omp(
          $0.baseAddress, bst_ulong(matrix.rowCount), bst_ulong(matrix.featureCount), .nan,
          &created, Int32(threads))
      }
      try XGBoost.check(status, "the matrix")
      guard let created else {
        throw LearningError(code: "learning.library", message: "XGBoost returned no matrix")
      }
      handle = created
      rowCount = matrix.rowCount
      guard let labels else { return }
      var answers = [Float](repeating: 0, count: labels.count)
      labels.forEach { answers[$0] = 1 }
      try XGBoost.check(
        XGDMatrixSetFloatInfo(handle, "label", answers, bst_ulong(answers.count)), "the labels")
    }

    deinit { XGDMatrixFree(handle) }
  }

  /// A boosted model in the library's memory.
  final class Booster {
    let handle: BoosterHandle

    private init(taking handle: BoosterHandle) { self.handle = handle }

    init(cached: [Data], parameters: [(String, String)]) throws(LearningError) {
      var created: BoosterHandle?
      let handles = cached.map { Optional($0.handle) }
      try XGBoost.check(XGBoosterCreate(handles, bst_ulong(handles.count), &created), "a booster")
      guard let created else {
        throw LearningError(code: "learning.library", message: "XGBoost returned no booster")
      }
      handle = created
      for (name, value) in parameters { try set(name, value) }
    }

    deinit { XGBoosterFree(handle) }

    func set(_ name: String, _ value: String) throws(LearningError) {
      try XGBoost.check(XGBoosterSetParam(handle, name, value), "parameter \(name) = \(value)")
    }

    func update(round: Int, on data: Data) throws(LearningError) {
      try XGBoost.check(XGBoosterUpdateOneIter(handle, Int32(round), data.handle), "a round")
    }

    /// The log-loss over each part, in order.
    func losses(round: Int, over parts: [Data]) throws(LearningError) -> [Double] {
      var handles = parts.map { Optional($0.handle) }
      let names: [StaticString] = ["a", "b"]
      var pointers = names.prefix(parts.count).map { name -> UnsafePointer<CChar>? in
        UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
      }
      var text: UnsafePointer<CChar>?
      try XGBoost.check(
        XGBoosterEvalOneIter(
          handle, Int32(round), &handles, &pointers, bst_ulong(parts.count), &text),
        "an evaluation")
      // "[7]\ta-logloss:0.31\tb-logloss:0.35"
      let line = text.map { String(cString: $0) } ?? ""
      let values = line.split(separator: "\t").dropFirst().compactMap { field in
        field.split(separator: ":").last.flatMap { Double($0) }
      }
      guard values.count == parts.count else {
        throw LearningError(
          code: "learning.library",
          message: "expected \(parts.count) losses from XGBoost; found \"\(line)\"")
      }
      return values
    }

    /// The first `rounds` rounds as a model of their own.
    func prefix(rounds: Int) throws(LearningError) -> Booster {
      var sliced: BoosterHandle?
      try XGBoost.check(XGBoosterSlice(handle, 0, Int32(rounds), 1, &sliced), "a slice")
      guard let sliced else {
        throw LearningError(code: "learning.library", message: "XGBoost returned no slice")
      }
      return Booster(taking: sliced)
    }

    /// Writes the names into the model, so that other programs that load it know them.
    func setFeatureNames(_ names: [String]) throws(LearningError) {
      let status = XGBoost.withCStrings(names) {
        var pointers = $0
        return XGBoosterSetStrFeatureInfo(
          handle, "feature_name", &pointers, bst_ulong(names.count))
      }
      try XGBoost.check(status, "the feature names")
    }

    /// The model in UBJSON, the library's stable binary format.
    func bytes() throws(LearningError) -> [UInt8] {
      var count: bst_ulong = 0
      var start: UnsafePointer<CChar>?
      try XGBoost.check(
        XGBoosterSaveModelToBuffer(handle, #"{"format": "ubj"}"#, &count, &start), "to save")
      return Array(UnsafeRawBufferPointer(start: start, count: Int(count)))
    }

    func load(_ bytes: [UInt8]) throws(LearningError) {
      do throws(LearningError) {
        try XGBoost.check(
          XGBoosterLoadModelFromBuffer(handle, bytes, bst_ulong(bytes.count)), "to load")
      } catch {
        throw LearningError(
          code: "learning.bad_model",
          message: "\(bytes.count) bytes are no model: \(error.message)",
          hint: "train the model again")
      }
    }

    /// One probability per row, from all rounds of the model.
    func probabilities(_ data: Data) throws(LearningError) -> [Float] {
      var shape: UnsafePointer<bst_ulong>?
      var dimensions: bst_ulong = 0
      var result: UnsafePointer<Float>?
      let config = """
        {"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, \
        "strict_shape": false}
        """
      try XGBoost.check(
        XGBoosterPredictFromDMatrix(
          handle, data.handle, config, &shape, &dimensions, &result), "to predict")
      let scores = Array(UnsafeBufferPointer(start: result, count: data.rowCount))
      guard dimensions == 1, let shape, shape[0] == bst_ulong(data.rowCount) else {
        throw LearningError(
          code: "learning.bad_model",
          message: "expected one score for each of \(data.rowCount) rows from the model",
          hint: "train the model again")
      }
      return scores
    }

    /// The total gain of each feature that a split uses.
    func totalGains(names: [String]) throws(LearningError) -> [String: Double] {
      var featureCount: bst_ulong = 0
      var features: UnsafeMutablePointer<UnsafePointer<CChar>?>?
      var dimensions: bst_ulong = 0
      var shape: UnsafePointer<bst_ulong>?
      var scores: UnsafePointer<Float>?
      try XGBoost.check(
        XGBoosterFeatureScore(
          handle, #"{"importance_type": "total_gain"}"#, &featureCount, &features, &dimensions,
          &shape, &scores), "the feature scores")
      guard let features, let scores else { return [:] }
      var gains: [String: Double] = [:]
      for index in 0..<Int(featureCount) {
        guard let name = features[index].map({ String(cString: $0) }) else { continue }
        gains[name] = Double(scores[index])
      }
      return gains
    }
  }

  /// Calls `body` with C strings that live as long as the call.
  private static func withCStrings<R>(
    _ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> R
  ) -> R {
    var bytes: [CChar] = []
    var starts: [Int] = []
    for string in strings {
      starts.append(bytes.count)
      bytes.append(contentsOf: string.utf8CString)
    }
    return bytes.withUnsafeBufferPointer { buffer in
      body(starts.map { start in buffer.baseAddress.map { $0 + start } })
    }
  }
}
