// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a server asks of its clients.
package enum ClientCertificate: Sendable {
  /// No connection without a certificate of a trusted site.
  case required
  /// A client may come without a certificate; one that is presented must be trusted.
  case optional
  /// Clients are known by other means, such as a password.
  case none
}
