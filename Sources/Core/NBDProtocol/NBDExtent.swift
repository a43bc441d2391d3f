// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A run of bytes for which a metadata context says the same ("Block status chunk").
package struct NBDExtent: Equatable, Sendable {
  /// In `base:allocation`: no space is taken up (`NBD_STATE_HOLE`).
  package static let hole: UInt32 = 1 << 0
  /// In `base:allocation`: reads as zeroes (`NBD_STATE_ZERO`).
  package static let zero: UInt32 = 1 << 1
  /// In `qemu:dirty-bitmap:NAME`: written since the bitmap began.
  package static let dirty: UInt32 = 1 << 0

  /// In bytes.
  package var count: UInt64
  /// What they mean is the context's business.
  package var flags: UInt32

  package init(count: UInt64, flags: UInt32) {
    self.count = count
    self.flags = flags
  }
}
