// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The position of a record in one VM's stream.
///
/// The first record is number 1; 0 is before it.
package struct SequenceNumber: Comparable, Hashable, Sendable, Codable {
  /// The last number there is.
  ///
  /// No stream gets there. Numbers that come from outside are refused above it, so that the ones
  /// that follow can be counted.
  package static let last = SequenceNumber(1 << 63)

  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(UInt64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  package var next: SequenceNumber { SequenceNumber(rawValue + 1) }

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// One entry of a stream, without its payload.
///
/// The link and the journal both carry it, in the same 40 bytes.
///
/// Layout, little endian: 0 sequence (8), 8 time in ms (8), 16 offset (8), 24 length (4),
/// 28 volume (2), 30 kind (1), 31 flags (1), 32 CRC32C of the payload (4), 36 zero (4).
package struct StreamRecord: Hashable, Sendable {
  /// What the record says.
  package enum Kind: UInt8, Sendable, CaseIterable {
    /// `length` bytes of payload at `offset` of `volume`.
    case write = 1
    /// `length` zero bytes at `offset` of `volume`; no payload.
    case zeroes = 2
    /// A checkpoint: `offset` is its number, the payload its tag in UTF-8, and `volume` 1 if the
    /// guests' file systems were at rest, else 0.
    case mark = 3
    /// A sync begins; `offset` is 1 initial, 2 delta, 3 bitmap. Until it ends the order of
    /// records is not the guest's.
    ///
    /// The payload says which volumes there are from here on, see ``VolumeSizes``; without one
    /// they stay as they are.
    case syncBegan = 4
    /// The sync ended: the records up to here give the disks' content.
    case syncEnded = 5
  }

  package var sequence: SequenceNumber
  /// The sender's wall clock when the record was made.
  package var time: WallTime
  package var kind: Kind
  /// Set if a sync read the content from the disk; unset if the guest wrote it.
  package var isPulled: Bool
  /// The volume's number in the stream.
  package var volume: UInt16
  package var offset: UInt64
  package var length: UInt32
  /// CRC32C of the payload; 0 without one.
  package var payloadChecksum: UInt32

  package init(
    sequence: SequenceNumber,
    time: WallTime,
    kind: Kind,
    isPulled: Bool = false,
    volume: UInt16 = 0,
    offset: UInt64 = 0,
    length: UInt32 = 0,
    payloadChecksum: UInt32 = 0
  ) {
    self.sequence = sequence
    self.time = time
    self.kind = kind
    self.isPulled = isPulled
    self.volume = volume
    self.offset = offset
    self.length = length
    self.payloadChecksum = payloadChecksum
  }

  /// The checkpoint that a mark is; nil of any other record.
  ///
  /// `tag` is the record's payload.
  package func checkpoint(tag: some Sequence<UInt8>) -> Checkpoint? {
    guard kind == .mark else { return nil }
    return Checkpoint(
      identifier: CheckpointIdentifier(offset),
      time: time,
      tag: String(decoding: Array(tag), as: UTF8.self),
      isQuiesced: volume == 1
    )
  }

  /// Bytes of payload that follow in a batch.
  package var payloadByteCount: Int {
    switch kind {
    case .write, .mark, .syncBegan: Int(length)
    case .zeroes, .syncEnded: 0
    }
  }
}

extension StreamRecord {
  /// Bytes a record takes on the link and in the journal, without payload.
  package static let encodedByteCount = 40

  /// Writes the record's 40 bytes to the start of `bytes`.
  package func encode(into bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count >= Self.encodedByteCount, "no room for a record")
    unsafe bytes.storeBytes(of: sequence.rawValue.littleEndian, toByteOffset: 0, as: UInt64.self)
    unsafe bytes.storeBytes(of: time.milliseconds.littleEndian, toByteOffset: 8, as: Int64.self)
    unsafe bytes.storeBytes(of: offset.littleEndian, toByteOffset: 16, as: UInt64.self)
    unsafe bytes.storeBytes(of: length.littleEndian, toByteOffset: 24, as: UInt32.self)
    unsafe bytes.storeBytes(of: volume.littleEndian, toByteOffset: 28, as: UInt16.self)
    unsafe bytes.storeBytes(of: kind.rawValue, toByteOffset: 30, as: UInt8.self)
    unsafe bytes.storeBytes(of: isPulled ? 1 : 0, toByteOffset: 31, as: UInt8.self)
    unsafe bytes.storeBytes(
      of: payloadChecksum.littleEndian,
      toByteOffset: 32,
      as: UInt32.self
    )
    unsafe bytes.storeBytes(of: 0, toByteOffset: 36, as: UInt32.self)
  }

  /// Reads a record from the start of `bytes`; nil if they hold none.
  package init?(decoding bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.encodedByteCount else { return nil }
    let kindNumber = unsafe bytes.loadUnaligned(fromByteOffset: 30, as: UInt8.self)
    let flags = unsafe bytes.loadUnaligned(fromByteOffset: 31, as: UInt8.self)
    let reserved = unsafe bytes.loadUnaligned(fromByteOffset: 36, as: UInt32.self)
    guard let kind = Kind(rawValue: kindNumber), flags <= 1, reserved == 0 else { return nil }
    let sequence = unsafe SequenceNumber(
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
    )
    guard SequenceNumber(1) <= sequence, sequence <= .last else { return nil }
    unsafe self.init(
      sequence: sequence,
      time: WallTime(
        milliseconds: Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
      ),
      kind: kind,
      isPulled: flags == 1,
      volume: UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 28, as: UInt16.self)),
      offset: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
      length: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self)),
      payloadChecksum: UInt32(
        littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: UInt32.self)
      )
    )
  }
}
