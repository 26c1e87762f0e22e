/// The typed catalogue of event kinds, equal to `facts.event_kind`.
public enum EventKind {
  /// Every kind; its number is its place, from 1.
  public static let names = [
    "purchase", "refund", "cart_add", "cart_abandon", "checkout_start", "product_view",
    "page_view", "session", "click", "search", "email_sent", "email_open", "email_click",
    "sign_up", "newsletter", "feature_usage", "profile_update", "support_contact",
    "content_view", "login", "campaign_exposure",
  ]

  /// The number of a kind; nil for an unknown one.
  public static func id(of name: String) -> Int16? {
    names.firstIndex(of: name).map { Int16($0 + 1) }
  }

  /// The first number of a project's own kinds.
  static let firstOwn: Int16 = 1000

  /// The number of every kind, also of a project's own, which the database numbers anew when it
  /// takes them over.
  static func numbers(with own: [String]) -> [String: Int16] {
    var numbers: [String: Int16] = [:]
    for name in names { numbers[name] = id(of: name) }
    for (place, name) in own.enumerated() { numbers[name] = firstOwn + Int16(clamping: place) }
    return numbers
  }
}
