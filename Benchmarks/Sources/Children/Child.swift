// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A part of the product in a process of its own: `bench child NAME …`.
///
/// It says what it found on standard output, and ends when standard input does.
enum Child {
  static func run(_ arguments: [String]) async throws {
    var words = Words(arguments)
    let name = try words.next()
    switch name {
    case "tap": try TapChild.run(&words)
    case "link": try await LinkChild.run(&words)
    case "append": try JournalChild.append(&words)
    case "fill": try JournalChild.fill(&words)
    case "open": try JournalChild.open(&words)
    case "fold": try JournalChild.fold(&words)
    case "amplify": try JournalChild.amplify(&words)
    default: throw BenchError("there is no child \(name)")
    }
  }

  /// Runs one to its end and returns the numbers it said.
  static func figures(_ arguments: [any CustomStringConvertible], stage: Stage) throws -> [Double] {
    let words = ["child"] + arguments.map(\.description)
    let text = try Program.run(Machine.bench, words, stage: stage)
    return text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
  }

  /// Arguments, taken one by one.
  struct Words {
    private var rest: ArraySlice<String>

    init(_ words: [String]) { rest = words[...] }

    mutating func next() throws -> String {
      guard let word = rest.popFirst() else { throw BenchError("an argument is missing") }
      return word
    }

    mutating func number() throws -> Int {
      let word = try next()
      guard let number = Int(word) else { throw BenchError("\(word) is no number") }
      return number
    }
  }
}
