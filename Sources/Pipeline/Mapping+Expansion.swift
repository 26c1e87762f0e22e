extension Mapping {
  /// The number of instances that lists of these lengths give: their product, or their common
  /// length; none where a list is empty.
  ///
  /// - Throws: ``PipelineError`` `pipeline.too_many_items` above the limit, or
  ///   `pipeline.unequal_lists` where zipped lists differ in length.
  public func count(of lengths: [Int]) throws(PipelineError) -> Int {
    let count: Int
    switch mode {
    case .zip:
      if let other = lengths.first(where: { $0 != lengths[0] }) {
        throw PipelineError(
          code: "pipeline.unequal_lists",
          message: "expected lists of one length to zip, found \(lengths[0]) and \(other) items",
          hint: "mode .cross takes each item with each")
      }
      count = lengths.first ?? 0
    case .cross:
      // An empty list empties the product, however long the others are.
      count =
        lengths.isEmpty || lengths.contains(0)
        ? 0
        : lengths.reduce(1) { product, length in
          let (next, overflows) = product.multipliedReportingOverflow(by: length)
          return overflows ? .max : next
        }
    }
    guard count <= limit else {
      let sizes = lengths.map(String.init).joined(separator: mode == .cross ? " x " : ", ")
      throw PipelineError(
        code: "pipeline.too_many_items",
        message: "expected at most \(limit) items to map over, found \(count) (\(sizes))",
        hint: "raise the mapping's limit, or hand over fewer and larger items")
    }
    return count
  }

  /// The items of each instance, in the order of the sources; in a cross product the last source
  /// varies fastest.
  ///
  /// The ids that they are read by are ``itemIDs``.
  ///
  /// - Throws: as ``count(of:)``; `pipeline.missing_product` where a source has no list.
  /// - Parameter products: the products of the tasks among the sources, by task id.
  public func instances(products: [String: JSONValue]) throws(PipelineError) -> [[JSONValue]] {
    var lists: [[JSONValue]] = []
    for source in sources {
      switch source {
      case .literal(let items): lists.append(items)
      case .output(let task):
        guard case .array(let items) = products[task] else {
          throw PipelineError(
            code: "pipeline.missing_product",
            message: "expected a list produced by task '\(task)' to map over, found "
              + (products[task] == nil ? "no product" : "another value"))
        }
        lists.append(items)
      }
    }
    let count = try count(of: lists.map(\.count))
    return (0..<count).map { number in
      switch mode {
      case .zip: return lists.map { $0[number] }
      case .cross:
        var rest = number
        return lists.reversed().map { list in
          defer { rest /= list.count }
          return list[rest % list.count]
        }.reversed()
      }
    }
  }
}
