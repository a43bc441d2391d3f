// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A program to run inside a guest.
package struct GuestProgram: Sendable, Equatable {
  package var path: String
  package var arguments: [String]
  /// What it reads on its standard input.
  package var input: String

  package init(_ path: String, _ arguments: [String], input: String = "") {
    self.path = path
    self.arguments = arguments
    self.input = input
  }

  /// How it ended.
  package struct End: Sendable, Equatable {
    package var exitCode: Int
    /// What it printed, on both outputs.
    package var output: String

    package init(exitCode: Int, output: String) {
      self.exitCode = exitCode
      self.output = output
    }
  }
}

/// What a guest's agent says of the guest.
package struct GuestSystem: Sendable, Equatable {
  package var isWindows: Bool
  /// The guest's names of its network cards, by lower-case MAC address.
  package var cards: [String: String]

  package init(isWindows: Bool, cards: [String: String]) {
    self.isWindows = isWindows
    self.cards = cards
  }
}
