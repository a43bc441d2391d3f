// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What an export can do ("Transmission flags").
package struct NBDTransmissionFlags: OptionSet, Sendable, Hashable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Always set.
  package static let hasFlags = NBDTransmissionFlags(rawValue: 1 << 0)
  package static let readOnly = NBDTransmissionFlags(rawValue: 1 << 1)
  package static let sendFlush = NBDTransmissionFlags(rawValue: 1 << 2)
  package static let sendForcedUnitAccess = NBDTransmissionFlags(rawValue: 1 << 3)
  package static let sendTrim = NBDTransmissionFlags(rawValue: 1 << 5)
  package static let sendWriteZeroes = NBDTransmissionFlags(rawValue: 1 << 6)
  /// A read can be asked for in one piece.
  package static let sendDoNotFragment = NBDTransmissionFlags(rawValue: 1 << 7)
  /// A flush on one connection covers the writes of all.
  package static let canMultiConnect = NBDTransmissionFlags(rawValue: 1 << 8)
  /// Zeroes can be asked for only if they are quicker than writing them.
  package static let sendFastZero = NBDTransmissionFlags(rawValue: 1 << 11)
}
