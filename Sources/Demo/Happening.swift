/// The kinds of event, named as in `facts.event_kind`.
enum EventKind: UInt8, CaseIterable {
  case purchase, refund
  case cartAdd, cartAbandon, checkoutStart
  case productView, pageView, session, click, search
  case emailSent, emailOpen, emailClick
  case signUp, newsletter, featureUsage, profileUpdate
  case supportContact, contentView, login, campaignExposure

  /// The name in the catalogue of event kinds.
  var name: StaticString {
    switch self {
    case .purchase: "purchase"
    case .refund: "refund"
    case .cartAdd: "cart_add"
    case .cartAbandon: "cart_abandon"
    case .checkoutStart: "checkout_start"
    case .productView: "product_view"
    case .pageView: "page_view"
    case .session: "session"
    case .click: "click"
    case .search: "search"
    case .emailSent: "email_sent"
    case .emailOpen: "email_open"
    case .emailClick: "email_click"
    case .signUp: "sign_up"
    case .newsletter: "newsletter"
    case .featureUsage: "feature_usage"
    case .profileUpdate: "profile_update"
    case .supportContact: "support_contact"
    case .contentView: "content_view"
    case .login: "login"
    case .campaignExposure: "campaign_exposure"
    }
  }
}

/// One event before it is written.
struct Happening {
  /// Days from the first generated day.
  var day: Int32
  /// Second of the local day, at or after 06:00.
  var second: Int32
  /// The customer's number, from 0.
  var customer: Int32
  /// Product, page, topic or campaign, by kind; -1 for none.
  var item: Int32 = -1
  /// Unit price in cents, or seconds spent, by kind.
  var value: Int32 = 0
  /// Pieces.
  var quantity: Int16 = 0
  /// What happened.
  var kind: EventKind
}

/// The events of one day, by the file they go to.
struct DayOfEvents {
  var orders: [Happening] = []
  var store: [Happening] = []
  var web: [Happening] = []
  var email: [Happening] = []
  var support: [Happening] = []

  /// Empties the day and keeps its memory.
  mutating func removeAll() {
    orders.removeAll(keepingCapacity: true)
    store.removeAll(keepingCapacity: true)
    web.removeAll(keepingCapacity: true)
    email.removeAll(keepingCapacity: true)
    support.removeAll(keepingCapacity: true)
  }
}
