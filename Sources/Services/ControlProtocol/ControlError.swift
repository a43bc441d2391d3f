// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why a control request brought no answer that can be used.
///
/// The texts are for operators.
package enum ControlError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No answer came: not there, not trusted, or too slow. Whether the request was carried out is
  /// not known.
  case unreachable(String)
  /// The peer understood and said no.
  case refused(ControlFailure)
  /// Something answered in a form that the protocol does not have.
  case malformed(String)

  package var description: String {
    switch self {
    case .unreachable(let reason), .malformed(let reason): reason
    case .refused(let failure): failure.message
    }
  }
}
