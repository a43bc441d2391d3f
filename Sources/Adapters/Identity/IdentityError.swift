// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Why an identity, an authority or a password cannot be used.
package enum IdentityError: Error, Equatable, CustomStringConvertible {
  /// A file or folder could not be read or written.
  case storage(path: String, reason: String)
  /// The text is no PEM certificate or key that can be used.
  case malformed(String)
  /// The authority's certificate is there but its key is not: it can issue nothing any more.
  case keyMissing(path: String)
  /// The certificate and the key in a folder do not belong together.
  case keyMismatch(path: String)
  /// The certificate is not the authority of the site it was said to be.
  case otherAuthority(expected: SiteIdentifier)
  /// A new password is empty, too long, or holds a zero byte.
  case unusablePassword
  /// The C library cannot hash passwords with yescrypt.
  case hashingUnavailable

  package var description: String {
    switch self {
    case .storage(let path, let reason): "\(path): \(reason)"
    case .malformed(let what): what
    case .keyMissing(let path): "\(path) is missing; restore it from a backup"
    case .keyMismatch(let path): "the certificate and the key in \(path) do not belong together"
    case .otherAuthority(let site): "the certificate is not the authority of site \(site)"
    case .unusablePassword: "a password has 1 to 511 bytes, none of them zero"
    case .hashingUnavailable: "the system's libcrypt does not offer yescrypt"
    }
  }
}
