// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a control port answers instead of success.
package struct ControlFailure: Error, Codable, Sendable, Equatable {
  /// The HTTP status: 400 bad request, 403 not allowed, 404 unknown, 409 not now, 500 failed.
  package var status: Int
  /// In words for an operator.
  package var message: String
  /// The single things that are wrong, where there may be several; `message` says them all.
  package var problems: [String]?

  package init(status: Int, message: String, problems: [String]? = nil) {
    self.status = status
    self.message = message
    self.problems = problems
  }
}
