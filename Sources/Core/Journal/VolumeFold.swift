// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Synchronization

/// Writes into one replica what the records up to a point make of its volume.
///
/// Goes through the volume from its beginning to its end; neighbours are written together, zeroes
/// become holes.
struct VolumeFold {
  private let journal: StreamJournal
  private let volume: Int
  private let replica: any StorageFile
  private let byteCount: UInt64
  private let floor: SequenceNumber
  private let target: SequenceNumber
  private let buffer = AlignedBuffer()
  /// Where what is in the buffer begins, and how many bytes it is.
  private var start: UInt64 = 0
  private var filled = 0

  private static let bufferByteCount = 1 << 20

  init(
    journal: StreamJournal,
    volume: Int,
    after floor: SequenceNumber,
    through target: SequenceNumber
  ) {
    self.journal = journal
    self.volume = volume
    let replicas = journal.replicas
    replica = replicas[volume]
    byteCount = replicas.room[volume]
    self.floor = floor
    self.target = target
  }

  mutating func run() throws(JournalError) {
    let chunks = chunks()
    guard !chunks.isEmpty else { return }
    _ = unsafe buffer.bytes(Self.bufferByteCount)
    readAhead()
    var index = 0
    while index < chunks.count {
      let first = index
      let limit = chunks[first] + UInt32(UInt64(Self.bufferByteCount) / IndexEntry.chunkByteCount)
      while index < chunks.count, chunks[index] < limit,
        chunks[index] - chunks[first] == UInt32(index - first)
      {
        index += 1
      }
      let offset = UInt64(chunks[first]) * IndexEntry.chunkByteCount
      let end = min(byteCount, (UInt64(chunks[index - 1]) + 1) * IndexEntry.chunkByteCount)
      try copy(offset, count: Int(end - offset))
    }
    try flush()
    try withRoom { () throws(StorageError) in try replica.sync() }
  }

  /// The chunks with records that are to be folded, in order.
  private func chunks() -> [UInt32] {
    var (chunks, runs) = journal.contents.withLock { contents in
      var chunks: [UInt32] = []
      for segment in contents.segments {
        segment.recent?.forEachChunk(of: volume, after: floor, through: target) {
          chunks.append($0)
        }
      }
      return (chunks, contents.runs)
    }
    for run in runs {
      run.forEachChunk(of: volume, after: floor, through: target) { chunks.append($0) }
    }
    chunks.sort()
    var count = 0
    for index in chunks.indices where index == 0 || chunks[index] != chunks[count - 1] {
      chunks[count] = chunks[index]
      count += 1
    }
    chunks.removeLast(chunks.count - count)
    return chunks
  }

  /// The records of a volume are all over their segments: it is quicker to read these whole.
  private func readAhead() {
    let segments = journal.contents.withLock { contents in
      contents.segments.filter {
        !$0.isEmpty && $0.firstSequence <= target && $0.lastSequence > floor
      }
    }
    for segment in segments { segment.file.willRead(at: 0, count: segment.usedByteCount) }
  }

  private mutating func copy(_ offset: UInt64, count: Int) throws(JournalError) {
    var (resolution, view) = journal.contents.withLock { contents in
      (
        contents.lookUp(volume: volume, offset: offset, count: count, asOf: target),
        contents.view
      )
    }
    view.finish(&resolution, volume: volume, asOf: target, after: floor)
    resolution.sort()
    for piece in resolution.pieces { try copy(piece, view) }
    journal.contents.withLock { $0.giveBack(resolution) }
  }

  private mutating func copy(_ piece: Piece, _ view: IndexView) throws(JournalError) {
    switch piece.place {
    case .replica: break
    case .zeroes:
      try withRoom { () throws(StorageError) in
        try replica.punchHole(at: piece.offset, count: UInt64(piece.count))
      }
    case .segment(let extent, let from):
      // A piece lies within one chunk, so it fits.
      if start + UInt64(filled) != piece.offset || filled + piece.count > Self.bufferByteCount {
        try flush()
      }
      if filled == 0 { start = piece.offset }
      let part = unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer.content[filled..<(filled + piece.count)]
      )
      let isGood = try stored { () throws(StorageError) in
        unsafe try view.read(extent, from: from, into: part)
      }
      guard isGood else { throw journal.damaged(extent, volume: volume, at: piece.offset) }
      filled += piece.count
    }
  }

  private mutating func flush() throws(JournalError) {
    guard filled > 0 else { return }
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer.content[..<filled])
    try withRoom { () throws(StorageError) in unsafe try replica.write(bytes, at: start) }
    filled = 0
  }

  /// If the disk is full, what is set aside for folds gives room.
  private func withRoom(_ body: () throws(StorageError) -> Void) throws(JournalError) {
    while true {
      do { return try body() } catch {
        let failure = journal.failed(error)
        guard case .full = error, try journal.giveUpSpare(for: replica) else { throw failure }
      }
    }
  }
}
