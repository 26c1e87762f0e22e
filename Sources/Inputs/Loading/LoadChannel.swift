/// Where loads tell of themselves.
///
/// A hint, sent in the transaction that commits a load: whoever listens need not poll. What has been
/// loaded stands in the ledger, so that one that is lost costs a slow poll and nothing else.
public enum LoadChannel {
  /// The channel of NOTIFY; also in the functions of migration 0017. The payload is the source and the
  /// number of the load.
  public static let name = "strata_loaded"
}
