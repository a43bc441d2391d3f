// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// A file of a retired segment, or one that was never used, kept for the next segment.
struct Spare: Sendable {
  var name: String
  var file: any StorageFile
  var byteCount: UInt64
  /// Reads that began up to this one may still read what was in it.
  var ticket: UInt64

  static func name(_ number: UInt64) -> String { SegmentHeader.hexadecimal(number) + ".spare" }

  /// The number in a name; nil if it is none that a journal gets to.
  static func number(of name: String) -> UInt64? {
    UInt64(name.dropLast(6), radix: 16).flatMap { $0 <= SegmentHeader.lastOrdinal ? $0 : nil }
  }
}

extension StreamJournal {
  /// Whether replicas and segments together can give points.
  enum Phase: Sendable {
    /// The first sync writes into the replicas directly.
    case filling
    case complete
    case promoted
  }

  /// A read under way.
  struct Reader: Sendable {
    var ticket: UInt64
    var point: SequenceNumber
  }

  /// What readers, the appender and a fold share.
  struct Contents: Sendable {
    var phase: Phase
    var durable: SequenceNumber
    var folded: SequenceNumber
    /// Points before this cannot be read: the end of the fold that runs, else `folded`.
    var floor: SequenceNumber
    var history: StreamHistory
    var settings: Settings
    var replicas: Replicas

    /// Oldest first, with consecutive ordinals.
    ///
    /// The appender writes to the last one.
    var segments: [Segment] = []
    /// The index of the closed segments, oldest first; the newest few may still have theirs in
    /// `Segment.recent`.
    var runs: [IndexRun] = []
    var view = IndexView(runs: [], files: [], firstOrdinal: 0)
    /// An empty segment that the appender goes on with.
    var prepared: Segment?
    var lastOrdinal: UInt64 = 0
    var spares: [Spare] = []
    var lastSpareNumber: UInt64 = 0

    var holds: [UInt64: SequenceNumber] = [:]
    var lastHold: UInt64 = 0
    var readers: [Reader] = []
    /// Set when nobody may begin to read any more.
    var isClosed = false
    var lastTicket: UInt64 = 0
    /// For look-ups, so that they allocate nothing.
    var resolutions: [Resolution] = []

    /// What the last shortening of the history was about.
    var shortened: HistoryShortening?
    /// Set when there was no room, until there is.
    var isSpaceShort = false
    /// Index files that were missing or damaged on opening.
    var rebuiltIndexes: [String] = []
    /// What is damaged of the segments, as far as it is known.
    var damages: [Damage] = []

    init(_ state: SavedState, _ settings: Settings, _ replicas: Replicas) {
      phase = !state.isComplete ? .filling : state.isPromoted ? .promoted : .complete
      durable = state.folded
      folded = state.folded
      floor = state.folded
      history = StreamHistory(
        base: state.folded,
        sync: state.sync,
        checkpoint: state.checkpoint,
        volumes: state.volumes
      )
      self.settings = settings
      self.replicas = replicas
    }

    /// Nothing but the replicas, as of a record.
    mutating func begin(at sequence: SequenceNumber, checkpoint: Checkpoint? = nil) {
      durable = sequence
      folded = sequence
      floor = sequence
      history = StreamHistory(
        base: sequence,
        sync: 0,
        checkpoint: checkpoint,
        volumes: history.volumes
      )
      segments = []
      runs = []
      damages = []
      refreshView()
    }

    /// Whether a point can be read.
    func check(_ point: SequenceNumber) throws(JournalError) {
      guard phase != .filling else { throw .incomplete }
      guard point >= floor else { throw .pointGone(point) }
      guard point <= durable else { throw .pointAhead(point) }
    }

    /// The oldest point that something still needs.
    var oldestNeeded: SequenceNumber? {
      let held = holds.values.min()
      let read = readers.lazy.map(\.point).min()
      guard let held, let read else { return held ?? read }
      return min(held, read)
    }

    /// Makes what changed in segments and runs visible to readers.
    mutating func refreshView() {
      view = IndexView(
        runs: runs,
        files: segments.map(\.file),
        firstOrdinal: segments.first?.ordinal ?? 0
      )
    }

    // MARK: Reads

    /// Enters a read of a point, which no fold passes until ``leave(_:)``.
    mutating func enter(_ point: SequenceNumber) -> Reader {
      lastTicket += 1
      let reader = Reader(ticket: lastTicket, point: point)
      readers.append(reader)
      return reader
    }

    mutating func leave(_ reader: Reader) {
      guard let index = readers.firstIndex(where: { $0.ticket == reader.ticket }) else { return }
      readers.swapAt(index, readers.count - 1)
      readers.removeLast()
    }

    /// Begins to look up a range; ``IndexView`` does the rest.
    mutating func lookUp(
      volume: Int,
      offset: UInt64,
      count: Int,
      asOf point: SequenceNumber
    ) -> Resolution {
      var resolution = resolutions.popLast() ?? Resolution()
      for stretch in ChunkRanges(offset, count: UInt64(count)) {
        resolution.begin(stretch)
        let chunk = UInt32(stretch.lowerBound / IndexEntry.chunkByteCount)
        var index = segments.count
        while index > 0, !resolution.open.isEmpty {
          index -= 1
          guard let recent = segments[index].recent else {
            if segments[index].isEmpty { continue }
            break
          }
          recent.cover(&resolution, volume: volume, chunk: chunk, asOf: point, after: folded)
        }
        resolution.suspend()
      }
      return resolution
    }

    /// Takes a resolution back for the next look-up.
    mutating func giveBack(_ resolution: consuming Resolution) {
      guard resolutions.count < 8 else { return }
      resolution.removeAll()
      resolutions.append(resolution)
    }

    // MARK: Sizes

    /// Bytes of headers and batches.
    var usedByteCount: UInt64 { segments.reduce(0) { $0 + $1.usedByteCount } }

    /// Bytes of all files, used or set aside.
    var allocatedByteCount: UInt64 {
      segments.reduce(0) { $0 + $1.fileByteCount } + (prepared?.fileByteCount ?? 0)
        + spares.reduce(0) { $0 + $1.byteCount }
    }

    /// Pieces of records that the index knows.
    var extentCount: Int {
      runs.reduce(0) { $0 + $1.count } + segments.reduce(0) { $0 + ($1.recent?.entries.count ?? 0) }
    }
  }
}
