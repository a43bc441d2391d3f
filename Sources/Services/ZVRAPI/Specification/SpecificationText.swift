// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Reads the text an ``APISpecification`` is written in.
///
/// The text is our own, so what is wrong with it is a bug, and a test reads all of it.
enum SpecificationText {
  /// The entries of a text, each on one line: lines that begin with a blank go on with an entry.
  static func entries(of text: String) -> [String] {
    text.split(separator: "\n").reduce(into: []) { entries, line in
      if line.first == " ", let last = entries.popLast() {
        entries.append(last + " " + line.drop { $0 == " " })
      } else {
        entries.append(String(line))
      }
    }
  }

  static func call(_ entry: String) -> APISpecification.Call {
    let halves = entry.split(separator: " ? ", maxSplits: 1)
    var words = halves[0].split(separator: " ").map(String.init)[...]
    let method = words.removeFirst()
    var call = APISpecification.Call(method: method, path: words.removeFirst())
    call.filters = halves.count == 2 ? fields(halves[1]) : []
    while let word = words.popFirst() {
      switch word {
      case "<": call.body = words.popFirst().map(type)
      case "->": call.answer = words.popFirst().map(type) ?? .nothing
      case "form": call.isForm = true
      default: preconditionFailure("the specification has \(word) in: \(entry)")
      }
    }
    return call
  }

  static func object(_ entry: String) -> APISpecification.Object {
    let halves = entry.split(separator: " ", maxSplits: 1)
    return APISpecification.Object(
      name: String(halves[0]),
      fields: halves.count == 2 ? fields(halves[1]) : []
    )
  }

  private static func fields(_ text: Substring) -> [APISpecification.Field] {
    text.split(separator: ",").map { field in
      let words = field.split(separator: " ")
      precondition(words.count == 2, "the specification has \(field)")
      let isNullable = words[1].last == "?"
      let halves = words[1].drop { $0 == " " }.prefix { $0 != "?" }.split(separator: ":")
      return APISpecification.Field(
        name: String(words[0]),
        type: type(String(halves[0])),
        enumeration: halves.count == 2 ? String(halves[1]) : nil,
        isNullable: isNullable
      )
    }
  }

  private static func type(_ name: String) -> APISpecification.ValueType {
    switch name {
    case "string": .string
    case "integer": .integer
    case "long": .long
    case "double": .double
    case "boolean": .boolean
    case "datetime": .datetime
    case "timespan": .timespan
    case "binary": .binary
    case "nothing": .nothing
    case "page": .page
    case "anything", "object": .anything
    case _ where name.hasPrefix("["): .list(type(String(name.dropFirst().dropLast())))
    default: .object(name)
    }
  }
}
