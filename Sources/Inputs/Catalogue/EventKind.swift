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
}
