// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why a manager did not do what it was asked, in words for the person who asked.
package struct ClientError: Error, CustomStringConvertible, Sendable {
  package let description: String
  /// The HTTP status of the refusal; nil if there was no answer, or one that was not understood.
  package let status: Int?

  package init(_ description: String, status: Int? = nil) {
    self.description = description
    self.status = status
  }
}
