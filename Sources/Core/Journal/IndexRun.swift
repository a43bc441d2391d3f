// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The index of one or several whole segments, which never changes.
///
/// Entries lie in the order of volume, chunk and record, 22 bytes each. A small directory per
/// volume says where the entries of every so many chunks begin, so that a look-up is one or two
/// cache misses.
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
  private let entries: UnsafeRawBufferPointer
  private var directories: [Directory] = []
  private var buckets: [UInt32] = []

  /// Takes over memory that has entries in order, from `offset` on; `counts` says how many each
  /// volume has.
  init(
    adopting memory: UnsafeMutableRawBufferPointer,
    at offset: Int,
    counts: [Int],
    records: (base: SequenceNumber, last: SequenceNumber),
    segments: ClosedRange<UInt64>
  ) {
    (base, last) = records
    (firstSegment, lastSegment) = (segments.lowerBound, segments.upperBound)
    count = counts.reduce(0, +)
    unsafe self.memory = memory
    unsafe entries = UnsafeRawBufferPointer(rebasing: memory[offset...])
    makeDirectories(counts)
  }

  deinit { unsafe memory.deallocate() }

  var volumeCount: Int { directories.count }

  subscript(_ index: Int) -> IndexEntry {
    unsafe IndexEntry(decoding: entries, at: index * IndexEntry.byteCount)
  }

  private func key(_ index: Int) -> UInt64 {
    unsafe IndexEntry.key(of: entries, at: index * IndexEntry.byteCount)
  }

  /// Where the entries of a volume are.
  func entries(of volume: Int) -> Range<Int> {
    guard volume < directories.count else { return 0..<0 }
    let directory = directories[volume]
    return Int(buckets[directory.start])..<Int(buckets[directory.start + directory.count])
  }

  private func makeDirectories(_ counts: [Int]) {
    var next = 0
    for count in counts {
      let first = next
      next += count
      let highest = next > first ? self[next - 1].chunk : 0
      let wanted = max(1, (next - first) / 4)
      var shift: UInt32 = 0
      while Int(highest >> shift) + 1 > wanted { shift += 1 }
      let start = buckets.count
      let bucketCount = Int(highest >> shift) + 1
      buckets.reserveCapacity(buckets.count + bucketCount + 1)
      var index = first
      for bucket in 0..<bucketCount {
        while index < next, Int(key(index) >> 32) >> Int(shift) < bucket { index += 1 }
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
      if self.key(middle) <= key { low = middle + 1 } else { high = middle }
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
      let entry = self[index]
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
    guard point > base, floor < last else { return }
    for index in entries(of: volume) {
      let entry = self[index]
      let sequence = base.rawValue + UInt64(entry.sequence)
      if sequence > floor.rawValue, sequence <= point.rawValue { body(entry) }
    }
  }
}

extension IndexRun {
  /// The index of a closed segment.
  convenience init(_ recent: RecentIndex, last: SequenceNumber, volumeCount: Int) {
    var writer = EntryWriter(room: recent.entries.count)
    var counts = [Int](repeating: 0, count: volumeCount)
    var order: [UInt64] = []
    for volume in 0..<volumeCount {
      order.removeAll(keepingCapacity: true)
      for index in recent.entries.indices where recent.volumes[index] == volume {
        order.append(UInt64(recent.entries[index].chunk) << 32 | UInt64(index))
      }
      order.sort()
      for item in order { writer.add(recent.entries[Int(item & 0xFFFF_FFFF)]) }
      counts[volume] = order.count
    }
    unsafe self.init(
      adopting: writer.memory,
      at: 0,
      counts: counts,
      records: (recent.base, last),
      segments: recent.segment...recent.segment
    )
  }

  /// One run with the entries of several, which follow each other, after `floor`.
  convenience init(merging runs: [IndexRun], after floor: SequenceNumber, volumeCount: Int) {
    let base = max(runs[0].base, min(floor, runs[runs.count - 1].last))
    let segments = runs[0].firstSegment...runs[runs.count - 1].lastSegment
    var writer = EntryWriter(room: runs.reduce(0) { $0 + $1.liveCount(after: base) })
    var counts = [Int](repeating: 0, count: volumeCount)
    for volume in 0..<volumeCount {
      var merge = RunMerge(runs, volume)
      while let (entry, run) = merge.next() {
        let sequence = run.base.rawValue + UInt64(entry.sequence)
        guard sequence > base.rawValue else { continue }
        var entry = entry
        entry.sequence = UInt32(sequence - base.rawValue)
        if let segment = run.segment(of: entry) {
          entry.segment = UInt16(segment - segments.lowerBound)
        }
        writer.add(entry)
        counts[volume] += 1
      }
    }
    unsafe self.init(
      adopting: writer.memory,
      at: 0,
      counts: counts,
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

/// Writes entries one after the other to memory that a run takes over.
@safe private struct EntryWriter {
  let memory: UnsafeMutableRawBufferPointer
  private var position = 0

  init(room: Int) {
    unsafe memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, room) * IndexEntry.byteCount,
      alignment: 16
    )
  }

  mutating func add(_ entry: IndexEntry) {
    unsafe entry.encode(into: memory, at: position)
    position += IndexEntry.byteCount
  }
}

/// Gives the entries of several runs about one volume in the order of chunk and record.
private struct RunMerge {
  private var heads: [(run: IndexRun, rest: Range<Int>)]

  init(_ runs: [IndexRun], _ volume: Int) { heads = runs.map { ($0, $0.entries(of: volume)) } }

  mutating func next() -> (IndexEntry, IndexRun)? {
    var best: (head: Int, entry: IndexEntry)?
    for head in heads.indices {
      guard let index = heads[head].rest.first else { continue }
      let entry = heads[head].run[index]
      // Of the same chunk the older run comes first.
      if best.map({ entry.chunk < $0.entry.chunk }) ?? true { best = (head, entry) }
    }
    guard let best else { return nil }
    heads[best.head].rest.removeFirst()
    return (best.entry, heads[best.head].run)
  }
}
