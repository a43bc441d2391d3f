// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why a command cannot do what it was asked, in words for the person who asked.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
