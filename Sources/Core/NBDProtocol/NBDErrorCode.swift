// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why a request failed, by the number the protocol gives it ("Error values").
package enum NBDErrorCode: UInt32, Error, Sendable, CaseIterable {
  /// EPERM: a write to a read-only export.
  case notPermitted = 1
  /// EIO
  case inputOutput = 5
  /// ENOMEM
  case outOfMemory = 12
  /// EINVAL
  case invalidArgument = 22
  /// ENOSPC: a write past the end, or no room for it.
  case noSpace = 28
  /// EOVERFLOW: more payload than the export takes at once.
  case overflow = 75
  /// ENOTSUP
  case notSupported = 95
  /// ESHUTDOWN: the server is going away.
  case shutdown = 108

  /// Reads a reply's error field; nil is success.
  ///
  /// A number the protocol does not know counts as EINVAL, as it demands.
  package static func decode(_ wireNumber: UInt32) -> NBDErrorCode? {
    wireNumber == 0 ? nil : NBDErrorCode(rawValue: wireNumber) ?? .invalidArgument
  }
}
