// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a certificate's owner is to its site.
package enum PeerRole: String, Codable, Sendable, CaseIterable {
  case manager
  case appliance
}
