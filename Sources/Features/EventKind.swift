/// The event kinds that features may name: the names of `facts.event_kind`.
public enum EventKind {
  /// Every kind, in the order of the catalogue table.
  public static let names: [String] = [
    "purchase", "refund", "cart_add", "cart_abandon", "checkout_start", "product_view",
    "page_view", "session", "click", "search", "email_sent", "email_open", "email_click",
    "sign_up", "newsletter", "feature_usage", "profile_update", "support_contact",
    "content_view", "login", "campaign_exposure",
  ]
}
