// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a run found that must never be.
package struct Violation: Error, Hashable, Sendable {
  /// The step after which it was found.
  package let step: Int
  /// What is wrong, in words.
  package let text: String

  package init(step: Int, text: String) {
    self.step = step
    self.text = text
  }
}

extension Violation: CustomStringConvertible {
  package var description: String { "at step \(step): \(text)" }
}
