// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why the lab could not do what was asked, in words for the person who asked.
package struct LabError: Error, CustomStringConvertible, Sendable {
  package let description: String

  package init(_ description: String) { self.description = description }
}
