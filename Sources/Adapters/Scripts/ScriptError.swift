// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why something about scripts cannot be done, in words for an operator.
package enum ScriptError: Error, Equatable, Sendable {
  /// What was asked for cannot be right.
  case invalid(String)
  case notFound(String)
  /// What is there stands in the way.
  case conflict(String)
  case failed(String)

  package var message: String {
    switch self {
    case .invalid(let text), .notFound(let text), .conflict(let text), .failed(let text): text
    }
  }
}
