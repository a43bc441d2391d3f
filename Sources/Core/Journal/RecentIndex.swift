// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The index of a segment that is being written, or was until just now.
///
/// Entries are in the order of their records; each knows the one before it in the same bucket of a
/// hash table over chunks.
///
/// Sendable without a check by the compiler: it changes under the lock of the journal's contents
/// only, and not at all once its segment is closed.
final class RecentIndex: @unchecked Sendable {
  let base: SequenceNumber
  let segment: UInt64
  private(set) var entries: [IndexEntry] = []
  /// The entries' volumes.
  private(set) var volumes: [UInt16] = []
  /// The entry before, plus one; 0 if there is none.
  private var previous: [UInt32] = []
  /// The newest entry of each bucket, plus one.
  private var heads = [UInt32](repeating: 0, count: 1024)

  init(base: SequenceNumber, segment: UInt64) {
    self.base = base
    self.segment = segment
  }

  /// Adds a write or zeroes, newer than all before it.
  ///
  /// The payload, at `fileOffset` of the segment, is what the record's checksum says; nil stands
  /// for zeroes. If it is damaged nobody can tell where, and each of its entries is.
  func add(
    _ record: StreamRecord,
    payload: UnsafeRawBufferPointer?,
    fileOffset: UInt64,
    isDamaged: Bool = false
  ) {
    for stretch in ChunkRanges(record.offset, count: UInt64(record.length)) {
      let chunk = stretch.lowerBound / IndexEntry.chunkByteCount
      let base = chunk * IndexEntry.chunkByteCount
      var entry = IndexEntry(
        sequence: UInt32(record.sequence.rawValue - self.base.rawValue),
        chunk: UInt32(chunk),
        fileOffset: 0,
        checksum: 0,
        first: UInt16(stretch.lowerBound - base),
        last: UInt16(stretch.upperBound - 1 - base),
        segment: IndexEntry.zeroes
      )
      if let payload = unsafe payload {
        let start = Int(stretch.lowerBound - record.offset)
        let part = unsafe UnsafeRawBufferPointer(rebasing: payload[start..<start + stretch.count])
        entry.segment = 0
        entry.fileOffset = UInt32(fileOffset + UInt64(start))
        // Most writes lie within one chunk.
        entry.checksum =
          unsafe part.count == payload.count ? record.payloadChecksum : Checksum.of(part)
        // One that the bytes do not have: no reader takes them.
        if isDamaged, part.count < payload.count { entry.checksum = ~entry.checksum }
      }
      append(entry, volume: record.volume)
    }
  }

  private func append(_ entry: IndexEntry, volume: UInt16) {
    if entries.count >= 2 * heads.count {
      heads = [UInt32](repeating: 0, count: heads.count * 4)
      for index in entries.indices { link(index) }
    }
    entries.append(entry)
    volumes.append(volume)
    previous.append(0)
    link(entries.count - 1)
  }

  private func link(_ index: Int) {
    let bucket = bucket(volume: volumes[index], chunk: entries[index].chunk)
    previous[index] = heads[bucket]
    heads[bucket] = UInt32(index + 1)
  }

  private func bucket(volume: UInt16, chunk: UInt32) -> Int {
    let mixed = (UInt64(chunk) | UInt64(volume) << 32) &* 0x9E37_79B9_7F4A_7C15
    return Int(mixed >> 32) & (heads.count - 1)
  }

  /// Covers what is open of a chunk with the newest records up to `point` and after `floor`.
  func cover(
    _ resolution: inout Resolution,
    volume: Int,
    chunk: UInt32,
    asOf point: SequenceNumber,
    after floor: SequenceNumber
  ) {
    guard point > base else { return }
    let volume = UInt16(volume)
    var next = heads[bucket(volume: volume, chunk: chunk)]
    while next != 0, !resolution.open.isEmpty {
      let index = Int(next - 1)
      let entry = entries[index]
      next = previous[index]
      let sequence = base.rawValue + UInt64(entry.sequence)
      guard sequence > floor.rawValue else { return }
      if entry.chunk == chunk, volumes[index] == volume, sequence <= point.rawValue {
        resolution.cover(entry, segment: entry.segment == IndexEntry.zeroes ? nil : segment)
      }
    }
  }

  /// Calls `body` with the chunk of each entry of a volume within `records`, in no order.
  func forEachChunk(
    of volume: Int,
    after floor: SequenceNumber,
    through point: SequenceNumber,
    _ body: (UInt32) -> Void
  ) {
    forEachEntry(of: volume, after: floor, through: point) { body($0.chunk) }
  }

  /// Calls `body` with each entry of a volume within `records`, in the records' order.
  func forEachEntry(
    of volume: Int,
    after floor: SequenceNumber,
    through point: SequenceNumber,
    _ body: (IndexEntry) -> Void
  ) {
    guard point > base else { return }
    for (entry, number) in zip(entries, volumes) where Int(number) == volume {
      let sequence = base.rawValue + UInt64(entry.sequence)
      if sequence > floor.rawValue, sequence <= point.rawValue { body(entry) }
    }
  }
}
