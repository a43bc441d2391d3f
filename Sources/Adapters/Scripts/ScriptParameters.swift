// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The arguments of a script, read from one line.
///
/// They are separated by blanks; what is between single or double quotes is kept together. `%Name%`
/// is replaced by a variable of that name, whatever its value holds. No shell ever sees the line.
enum ScriptParameters {
  static func read(
    _ line: String,
    variables: [(name: String, value: String)]
  ) throws(ScriptError) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
      if character == quote {
        quote = nil
      } else if quote == nil, character == "\"" || character == "'" {
        quote = character
        word = word ?? ""
      } else if quote == nil, character.isWhitespace {
        if let word { words.append(word) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    guard quote == nil else { throw .invalid("The parameters have a quote without its end.") }
    if let word { words.append(word) }
    return words.map { expand($0, variables) }
  }

  private static func expand(
    _ word: String,
    _ variables: [(name: String, value: String)]
  ) -> String {
    var result = ""
    var rest = word[...]
    while let start = rest.firstIndex(of: "%") {
      result += rest[..<start]
      let inside = rest[rest.index(after: start)...]
      if let end = inside.firstIndex(of: "%"),
        let variable = variables.first(where: { $0.name == inside[..<end] })
      {
        result += variable.value
        rest = inside[inside.index(after: end)...]
      } else {
        result += "%"
        rest = inside
      }
    }
    return result + rest
  }
}
