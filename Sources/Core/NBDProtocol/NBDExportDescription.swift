// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a client is told of an export before it sends requests.
package struct NBDExportDescription: Equatable, Sendable {
  /// The export's size.
  package var byteCount: UInt64
  package var flags: NBDTransmissionFlags
  /// Offsets and lengths must be multiples of it, in bytes.
  package var minimumBlockSize: UInt32
  /// Requests that are multiples of it are served best, in bytes.
  package var preferredBlockSize: UInt32
  /// The longest payload of one request, in bytes.
  package var maximumPayload: UInt32
  /// Whether its server can tell which blocks are holes (`base:allocation`); known to us only of
  /// our own.
  package var tellsAllocation = false

  package var isReadOnly: Bool { flags.contains(.readOnly) }

  /// The description of an export of ours: any offset and length, and all commands that make
  /// sense for it.
  ///
  /// `maximumPayload` is at least 4096 bytes. Zeroes are always quicker than writing them.
  package init(
    byteCount: UInt64,
    isReadOnly: Bool,
    maximumPayload: Int,
    canMultiConnect: Bool = true,
    tellsAllocation: Bool = false
  ) {
    precondition(maximumPayload >= 4096, "an export must take at least one block at once")
    self.byteCount = byteCount
    self.tellsAllocation = tellsAllocation
    flags = [.hasFlags, .sendFlush]
    if canMultiConnect { flags.insert(.canMultiConnect) }
    if isReadOnly {
      flags.insert(.readOnly)
    } else {
      flags.formUnion([.sendForcedUnitAccess, .sendTrim, .sendWriteZeroes, .sendFastZero])
    }
    minimumBlockSize = 1
    preferredBlockSize = 4096
    self.maximumPayload = UInt32(clamping: maximumPayload)
  }

  /// The description of an export whose server tells no block sizes: what the protocol lets a
  /// client assume then.
  init(byteCount: UInt64, flags: NBDTransmissionFlags) {
    self.byteCount = byteCount
    self.flags = flags
    minimumBlockSize = 512
    preferredBlockSize = 4096
    maximumPayload = 32 << 20
  }
}
