/// The files that the shop's systems deliver, each in its own format.
enum SourceFile: String, CaseIterable {
  /// Orders and returns of the web shop: CSV, local times, returns with negative quantities.
  case orders = "orders.csv"
  /// The tills of the shops: CSV with semicolons, a total per receipt.
  case store = "store.csv"
  /// What happens on the site: NDJSON, UTC.
  case web = "web.ndjson"
  /// The newsletter tool: CSV, local times.
  case email = "email.csv"
  /// The help desk: CSV, local times.
  case support = "support.csv"

  /// The first line; nil where the format has none.
  var header: StaticString? {
    switch self {
    case .orders: "order_id,type,customer_id,ordered_at,sku,quantity,unit_price,currency"
    case .store: "receipt;shop;customer;sold_at;sku;pieces;total"
    case .web: nil
    case .email: "message_id,action,customer,at,campaign"
    case .support: "ticket,customer,opened_at,channel,topic"
    }
  }

  /// Writes one row.
  func write(_ row: Row, to out: ByteBuffer) {
    switch self {
    case .orders: row.writeOrder(to: out)
    case .store: row.writeReceipt(to: out)
    case .web: row.writeWeb(to: out)
    case .email: row.writeEmail(to: out)
    case .support: row.writeTicket(to: out)
    }
  }
}

/// What may be wrong with a row; every flawed row stands beside a sound one.
enum Flaw: String, CaseIterable, Codable {
  /// The row delivered twice, byte for byte.
  case duplicate
  /// The row delivered again under its id, with other content.
  case changed
  /// No customer.
  case missingCustomer = "missing_customer"
  /// A customer that the shop does not know.
  case unknownCustomer = "unknown_customer"
  /// A number or time that is none, or has too many decimals.
  case badValue = "bad_value"
  /// A kind of event that the catalogue lacks.
  case unknownKind = "unknown_kind"
  /// A sound row that stands some days further down the file.
  case late
}

/// One event with what its row needs.
struct Row {
  let event: Happening
  /// The running number of the row in its file.
  let id: Int
  /// The local date, `YYYY-MM-DD`.
  let date: [UInt8]
  /// Seconds east of Greenwich.
  let offset: Int
  /// What is wrong with the row, if anything.
  let flaw: Flaw?

  private func writeCustomer(to out: ByteBuffer) {
    switch flaw {
    case .missingCustomer: break
    case .unknownCustomer:
      out.append("X")
      out.append(Int(event.customer) + 1, width: 7)
    default: CustomerKey.write(Int(event.customer), to: out)
    }
  }

  private func writeLocalTime(to out: ByteBuffer) {
    out.append(date)
    out.append(" ")
    out.append(second: Int(event.second))
  }

  private func writeProduct(to out: ByteBuffer) { out.append(Product.all[Int(event.item)].key) }

  private var pieces: Int { Int(event.quantity) + (flaw == .changed ? 1 : 0) }

  fileprivate func writeOrder(to out: ByteBuffer) {
    let isReturn = event.kind == .refund
    out.append("O")
    out.append(id, width: 8)
    if flaw == .unknownKind {
      out.append(",exchange,")
    } else {
      out.append(isReturn ? ",return," : ",sale,")
    }
    writeCustomer(to: out)
    out.append(",")
    writeLocalTime(to: out)
    out.append(",")
    writeProduct(to: out)
    out.append(isReturn ? ",-" : ",")
    out.append(pieces)
    out.append(",")
    if flaw == .badValue {
      out.append("12.9O")
    } else {
      out.append(cents: Int(event.value))
    }
    out.append(",EUR")
  }

  fileprivate func writeReceipt(to out: ByteBuffer) {
    out.append("S")
    out.append(id, width: 8)
    out.append(";shop ")
    out.append(Int(event.customer) % 12 + 1)
    out.append(";")
    writeCustomer(to: out)
    out.append(";")
    writeLocalTime(to: out)
    out.append(";")
    writeProduct(to: out)
    out.append(";")
    out.append(pieces)
    out.append(";")
    out.append(cents: Int(event.value) * pieces)
    if flaw == .badValue { out.append("001") }
  }

  fileprivate func writeEmail(to out: ByteBuffer) {
    out.append("M")
    out.append(id, width: 9)
    if flaw == .unknownKind {
      out.append(",bounce,")
    } else {
      switch event.kind {
      case .emailSent: out.append(",sent,")
      case .emailOpen: out.append(",open,")
      default: out.append(",click,")
      }
    }
    writeCustomer(to: out)
    out.append(",")
    if flaw == .badValue {
      out.append("2024-13-45 08:00:00")
    } else {
      writeLocalTime(to: out)
    }
    out.append(",K")
    out.append(Int(event.item), width: 4)
  }

  fileprivate func writeTicket(to out: ByteBuffer) {
    out.append("T")
    out.append(id, width: 7)
    out.append(",")
    writeCustomer(to: out)
    out.append(",")
    if flaw == .badValue {
      out.append("n/a")
    } else {
      writeLocalTime(to: out)
    }
    let channels: [StaticString] = [",phone,", ",chat,", ",e-mail,"]
    out.append(channels[Int(event.customer) % 3])
    let topics: [StaticString] = [
      "late delivery", "damaged goods", "wrong article", "question", "invoice", "account",
    ]
    out.append(topics[Int(event.item)])
  }

  fileprivate func writeWeb(to out: ByteBuffer) {
    out.append(#"{"id":"W"#)
    out.append(id, width: 9)
    out.append(#"","at":""#)
    if flaw == .badValue {
      out.append("yesterday")
    } else {
      out.append(date)
      out.append("T")
      out.append(second: Int(event.second) - offset)
      out.append("Z")
    }
    if flaw == .missingCustomer {
      out.append(#"","customer":null,"type":""#)
    } else {
      out.append(#"","customer":""#)
      writeCustomer(to: out)
      out.append(#"","type":""#)
    }
    out.append(flaw == .unknownKind ? "heartbeat" : event.kind.name)
    out.append(#"""#)
    writeWebProperties(to: out)
    out.append("}")
  }

  private func writeWebProperties(to out: ByteBuffer) {
    switch event.kind {
    case .session: writeSeconds(to: out)
    case .productView:
      writeSKU(to: out)
      writeSeconds(to: out)
    case .search, .cartAbandon: writeSKU(to: out)
    case .cartAdd:
      writeSKU(to: out)
      out.append(#","quantity":"#)
      out.append(pieces)
    case .pageView:
      out.append(#","page":"/page/"#)
      out.append(Int(event.item))
      out.append(#"""#)
      writeSeconds(to: out)
    case .contentView:
      out.append(#","article":"A"#)
      out.append(Int(event.item), width: 3)
      out.append(#"""#)
      writeSeconds(to: out)
    case .featureUsage:
      let features: [StaticString] = [
        "wishlist", "size guide", "gift note", "compare", "store finder", "reviews",
      ]
      out.append(#","feature":""#)
      out.append(features[Int(event.item)])
      out.append(#"""#)
    case .campaignExposure, .click:
      out.append(#","campaign":"B"#)
      out.append(Int(event.item), width: 3)
      out.append(#"""#)
    default: break
    }
  }

  private func writeSKU(to out: ByteBuffer) {
    out.append(#","sku":""#)
    writeProduct(to: out)
    out.append(#"""#)
  }

  private func writeSeconds(to out: ByteBuffer) {
    out.append(#","seconds":"#)
    out.append(Int(event.value))
  }
}

/// The shop's own key of a customer: `C0000001` for number 0.
enum CustomerKey {
  /// Writes the key.
  static func write(_ number: Int, to out: ByteBuffer) {
    out.append("C")
    out.append(number + 1, width: 7)
  }
}
