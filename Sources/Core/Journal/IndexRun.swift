// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The index of one or several whole segments, which never changes.
///
/// Entries lie in the order of volume, chunk and record. A small directory per volume says where
/// the entries of every so many chunks begin, so that a look-up is one or two cache misses.
///
/// Sendable without a check by the compiler: nothing in it changes once it is made.
@safe final class IndexRun: @unchecked Sendable {
  private struct Directory {
    /// Where the volume's numbers begin in `buckets`.
    var start: Int
    var count: Int
    /// Chunks per bucket, as a power of two.
    var shift: UInt32
  }

  /// The records are after this one, up to `last`.
  let base: SequenceNumber
  let last: SequenceNumber
  let firstSegment: UInt64
  let lastSegment: UInt64
  let count: Int
  private let memory: UnsafeMutableRawBufferPointer
  private let entries: UnsafeBufferPointer<IndexEntry>
  private var directories: [Directory] = []
  private var buckets: [UInt32] = []

  /// Takes over memory that has `count` entries in order, from `offset` on.
  init(
    adopting memory: UnsafeMutableRawBufferPointer,
    at offset: Int,
    count: Int,
    volumeCount: Int,
    records: (base: SequenceNumber, last: SequenceNumber),
    segments: ClosedRange<UInt64>
  ) {
    (base, last) = records
    (firstSegment, lastSegment) = (segments.lowerBound, segments.upperBound)
    self.count = count
    unsafe self.memory = memory
    unsafe entries = UnsafeBufferPointer(
      UnsafeMutableRawBufferPointer(rebasing: memory[offset...]).bindMemory(to: IndexEntry.self)
    )
    makeDirectories(volumeCount)
  }

  deinit { unsafe memory.deallocate() }

  /// Bytes of memory it takes.
  var memoryByteCount: Int { unsafe memory.count + buckets.count * 4 }

  subscript(_ index: Int) -> IndexEntry { unsafe entries[index] }

  private func makeDirectories(_ volumeCount: Int) {
    var next = 0
    for volume in 0..<volumeCount {
      let first = next
      while next < count, unsafe entries[next].volume == volume { next += 1 }
      let highest = next > first ? unsafe entries[next - 1].chunk : 0
      let wanted = max(1, (next - first) / 4)
      var shift: UInt32 = 0
      while Int(highest >> shift) + 1 > wanted { shift += 1 }
      let start = buckets.count
      let bucketCount = Int(highest >> shift) + 1
      buckets.reserveCapacity(buckets.count + bucketCount + 1)
      var index = first
      for bucket in 0..<bucketCount {
        while index < next, unsafe Int(entries[index].chunk >> shift) < bucket { index += 1 }
        buckets.append(UInt32(index))
      }
      buckets.append(UInt32(next))
      directories.append(Directory(start: start, count: bucketCount, shift: shift))
    }
  }

  /// How many entries are before, or are, those of a chunk up to a record, counted from the base.
  private func end(_ directory: Directory, chunk: UInt32, sequence: UInt32) -> Range<Int> {
    let bucket = Int(chunk >> directory.shift)
    guard bucket < directory.count else { return 0..<0 }
    let first = Int(buckets[directory.start + bucket])
    var low = first
    var high = Int(buckets[directory.start + bucket + 1])
    let key = UInt64(chunk) << 32 | UInt64(sequence)
    while low < high {
      let middle = (low + high) / 2
      if unsafe entries[middle].key <= key { low = middle + 1 } else { high = middle }
    }
    return first..<low
  }

  /// Covers what is open of a chunk with the newest records up to `point` and after `floor`.
  func cover(
    _ resolution: inout Resolution,
    volume: Int,
    chunk: UInt32,
    asOf point: SequenceNumber,
    after floor: SequenceNumber
  ) {
    guard point > base, floor < last, volume < directories.count else { return }
    let newest = UInt32(clamping: point.rawValue - base.rawValue)
    let range = end(directories[volume], chunk: chunk, sequence: newest)
    var index = range.upperBound
    while index > range.lowerBound, !resolution.open.isEmpty {
      index -= 1
      let entry = unsafe entries[index]
      guard entry.chunk == chunk, base.rawValue + UInt64(entry.sequence) > floor.rawValue else {
        return
      }
      resolution.cover(entry, segment: segment(of: entry))
    }
  }

  /// The ordinal of the segment an entry's bytes are in; nil for zeroes.
  func segment(of entry: IndexEntry) -> UInt64? {
    entry.segment == IndexEntry.zeroes ? nil : firstSegment + UInt64(entry.segment)
  }

  /// Calls `body` with each chunk of a volume that has a record within `records`.
  func forEachChunk(
    of volume: Int,
    after floor: SequenceNumber,
    through point: SequenceNumber,
    _ body: (UInt32) -> Void
  ) {
    var newest: UInt32?
    forEachEntry(of: volume, after: floor, through: point) { entry in
      guard entry.chunk != newest else { return }
      newest = entry.chunk
      body(entry.chunk)
    }
  }

  /// Calls `body` with each entry of a volume within `records`, by chunk.
  func forEachEntry(
    of volume: Int,
    after floor: SequenceNumber,
    through point: SequenceNumber,
    _ body: (IndexEntry) -> Void
  ) {
    guard point > base, floor < last, volume < directories.count else { return }
    let directory = directories[volume]
    var index = Int(buckets[directory.start])
    let end = Int(buckets[directory.start + directory.count])
    while index < end {
      let entry = unsafe entries[index]
      let sequence = base.rawValue + UInt64(entry.sequence)
      if sequence > floor.rawValue, sequence <= point.rawValue { body(entry) }
      index += 1
    }
  }
}

extension IndexRun {
  /// The index of a closed segment.
  convenience init(_ recent: RecentIndex, last: SequenceNumber, volumeCount: Int) {
    let count = recent.entries.count
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, count) * IndexEntry.byteCount,
      alignment: 16
    )
    var written = 0
    var order: [UInt64] = []
    for volume in 0..<volumeCount {
      order.removeAll(keepingCapacity: true)
      for index in recent.entries.indices where recent.entries[index].volume == volume {
        order.append(UInt64(recent.entries[index].chunk) << 32 | UInt64(index))
      }
      order.sort()
      for item in order {
        unsafe memory.storeBytes(
          of: recent.entries[Int(truncatingIfNeeded: item & 0xFFFF_FFFF)],
          toByteOffset: written * IndexEntry.byteCount,
          as: IndexEntry.self
        )
        written += 1
      }
    }
    unsafe self.init(
      adopting: memory,
      at: 0,
      count: count,
      volumeCount: volumeCount,
      records: (recent.base, last),
      segments: recent.segment...recent.segment
    )
  }

  /// One run with the entries of several, which follow each other, after `floor`.
  convenience init(merging runs: [IndexRun], after floor: SequenceNumber, volumeCount: Int) {
    let base = max(runs[0].base, min(floor, runs[runs.count - 1].last))
    let segments = runs[0].firstSegment...runs[runs.count - 1].lastSegment
    let room = runs.reduce(0) { $0 + $1.liveCount(after: base) }
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, room) * IndexEntry.byteCount,
      alignment: 16
    )
    var merge = RunMerge(runs)
    var count = 0
    while let (entry, run) = merge.next() {
      let sequence = run.base.rawValue + UInt64(entry.sequence)
      guard sequence > base.rawValue else { continue }
      var entry = entry
      entry.sequence = UInt32(sequence - base.rawValue)
      if let segment = run.segment(of: entry) {
        entry.segment = UInt16(segment - segments.lowerBound)
      }
      unsafe memory.storeBytes(
        of: entry,
        toByteOffset: count * IndexEntry.byteCount,
        as: IndexEntry.self
      )
      count += 1
    }
    unsafe self.init(
      adopting: memory,
      at: 0,
      count: count,
      volumeCount: volumeCount,
      records: (base, runs[runs.count - 1].last),
      segments: segments
    )
  }

  /// How many entries are after a record.
  private func liveCount(after floor: SequenceNumber) -> Int {
    guard floor > base else { return count }
    var live = 0
    for index in 0..<count where base.rawValue + UInt64(self[index].sequence) > floor.rawValue {
      live += 1
    }
    return live
  }

  /// Whether several runs, which follow each other, can be one: numbers in entries are relative.
  static func canMerge(_ runs: ArraySlice<IndexRun>) -> Bool {
    guard let first = runs.first, let last = runs.last else { return false }
    return last.last.rawValue - first.base.rawValue < UInt64(UInt32.max)
      && last.lastSegment - first.firstSegment < UInt64(IndexEntry.zeroes)
  }
}

/// Gives the entries of several runs in the order of volume, chunk and record.
private struct RunMerge {
  private var heads: [(run: IndexRun, next: Int)]

  init(_ runs: [IndexRun]) { heads = runs.map { ($0, 0) } }

  mutating func next() -> (IndexEntry, IndexRun)? {
    var best: Int?
    var bestKey: (UInt16, UInt32) = (.max, .max)
    for index in heads.indices where heads[index].next < heads[index].run.count {
      let entry = heads[index].run[heads[index].next]
      // Of the same chunk the older run comes first.
      let key = (entry.volume, entry.chunk)
      if best == nil || key < bestKey { (best, bestKey) = (index, key) }
    }
    guard let best else { return nil }
    defer { heads[best].next += 1 }
    return (heads[best].run[heads[best].next], heads[best].run)
  }
}
