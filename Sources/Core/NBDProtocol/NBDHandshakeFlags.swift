// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What server and client say of themselves before options; both use the same bits.
package struct NBDHandshakeFlags: OptionSet, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let fixedNewstyle = NBDHandshakeFlags(rawValue: 1 << 0)
  /// The 124 zero bytes that end an `NBD_OPT_EXPORT_NAME` reply are left out.
  package static let noZeroes = NBDHandshakeFlags(rawValue: 1 << 1)
}
