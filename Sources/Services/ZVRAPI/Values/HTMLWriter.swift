// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Writes API values as a page for a person with a browser: objects as tables of their members,
/// lists of objects as tables with a row each, links to click on.
package struct HTMLWriter {
  /// The page of `value`.
  package static func page(of value: APIValue) -> String {
    page(title: value.object?.type ?? "Understudy", cell(value))
  }

  /// A whole page in the API's plain look, with `body`, which is HTML.
  static func page(title: String, _ body: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8"><title>\(escaped(title))</title><style>
    body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222 }
    table { border-collapse: collapse }
    th, td { border: 1px solid #ccc; padding: .25em .5em; text-align: left; vertical-align: top }
    th { background: #f3f3f3; font-weight: 600 }
    pre, code { font: 13px/1.4 ui-monospace, monospace }
    pre { background: #f7f7f7; padding: .5em; overflow-x: auto; margin: 0 }
    </style></head><body>
    \(body)
    </body></html>

    """
  }

  static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }

  private static func cell(_ value: APIValue) -> String {
    switch value {
    case .null: ""
    case .bool(let flag): flag ? "true" : "false"
    case .integer(let number): "\(number)"
    case .double(let number): "\(number)"
    case .string(let text): escaped(text)
    case .date(let time): APIDate.text(of: time)
    case .enumerated(_, let name, _): escaped(name)
    case .list(let items, _): list(items)
    case .object(let object): link(object) ?? table(object)
    }
  }

  private static func list(_ items: [APIValue]) -> String {
    guard let columns = items.first?.object?.members.map(\.name) else {
      return items.isEmpty
        ? "none" : "<ol start=\"0\">\(items.map { "<li>\(cell($0))" }.joined())</ol>"
    }
    let head = columns.map { "<th>\(escaped($0))" }.joined()
    let rows = items.map { item in
      "<tr>"
        + columns.map { "<td>\(member(APIMember(name: $0, value: item.object?[$0] ?? .null)))" }
        .joined() + "\n"
    }.joined()
    return "<table><tr>\(head)\n\(rows)</table>"
  }

  private static func table(_ object: APIObject) -> String {
    let rows = object.members.map { "<tr><th>\(escaped($0.name))<td>\(member($0))\n" }.joined()
    return "<table>\(rows)</table>"
  }

  private static func member(_ member: APIMember) -> String {
    guard member.name == "href", let address = member.value.readText else {
      return cell(member.value)
    }
    return anchor(address, address)
  }

  /// A link, if the object is one to something that has an identifier.
  private static func link(_ object: APIObject) -> String? {
    guard let address = object["href"]?.readText, let name = object["identifier"]?.readText else {
      return nil
    }
    return anchor(address, name)
  }

  private static func anchor(_ address: String, _ text: String) -> String {
    "<a href=\"\(escaped(address))\">\(escaped(text))</a>"
  }
}
