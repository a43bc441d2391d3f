// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CChecksum
internal import Journal
internal import RecoveryModel
internal import Synchronization

/// A small journal in memory with everything a journal can have in it.
struct SampleJournal {
  static let stream = StreamIdentifier("fuzzed")
  static let volumeSizes: [UInt64] = [64 << 10, 20_000]
  static let settings = StreamJournal.Settings(
    historySeconds: 60,
    hardLimitByteCount: 1 << 20,
    segmentByteCount: 16 << 10
  )

  var folder: MemoryFolder
  var replicas: [MemoryFile]
  private let salts = Salts()

  /// An empty folder and replicas of zeroes, or those given.
  init(_ files: [String: [UInt8]] = [:], replicas: [[UInt8]]? = nil) {
    folder = MemoryFolder(files)
    self.replicas = (replicas ?? Self.volumeSizes.map { _ in [] }).map { MemoryFile($0) }
  }

  func open() throws(JournalError) -> StreamJournal {
    try StreamJournal(
      stream: Self.stream,
      folder: folder,
      replicas: replicas,
      volumeSizes: Self.volumeSizes,
      settings: Self.settings,
      // The same input must do the same again.
      salts: { [salts] in salts.next() }
    )
  }

  /// The files of a journal with a sync, marks, a fold, several segments and a delta sync.
  static let good: (files: [String: [UInt8]], replicas: [[UInt8]]) = {
    let sample = SampleJournal()
    do {
      let journal = try sample.open()
      var records = RecordMaker()
      try records.append(.syncBegan, offset: 1, to: journal)
      try records.append(.write, offset: 0, payload: pattern(7, 5000), to: journal)
      try records.append(.syncEnded, to: journal)
      for round in 0..<12 as Range<UInt64> {
        try records.append(
          .write,
          volume: UInt16(round & 1),
          offset: round * 1111,
          payload: pattern(UInt8(round), 3000 + Int(round) * 37),
          to: journal
        )
        try records.append(.zeroes, offset: round * 500, length: 700, to: journal)
        try records.append(.mark, offset: round + 1, payload: Array("m".utf8), to: journal)
        if round == 4 { try journal.fold(through: SequenceNumber(11)) }
        try journal.maintain()
      }
      try records.append(.syncBegan, offset: 2, to: journal)
      try records.append(.write, offset: 60_000, payload: pattern(99, 900), to: journal)
      try records.append(.syncEnded, to: journal)
      try records.append(.mark, offset: 100, to: journal)
    } catch {
      preconditionFailure("the sample journal could not be made: \(error)")
    }
    return (sample.folder.contents, sample.replicas.map(\.content))
  }()

  private static func pattern(_ seed: UInt8, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) ^ seed }
  }
}

/// Numbers that were not there before.
private final class Salts: Sendable {
  private let last = Atomic<UInt64>(0)

  func next() -> UInt64 { last.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue }
}

/// Makes records that follow each other and appends them.
struct RecordMaker {
  var next = SequenceNumber(1)
  var time = WallTime(milliseconds: 1_700_000_000_000)

  mutating func append(
    _ kind: StreamRecord.Kind,
    volume: UInt16 = 0,
    offset: UInt64 = 0,
    length: UInt32? = nil,
    payload: [UInt8] = [],
    to journal: StreamJournal
  ) throws(JournalError) {
    let record = StreamRecord(
      sequence: next,
      time: time,
      kind: kind,
      volume: volume,
      offset: offset,
      length: length ?? UInt32(payload.count),
      payloadChecksum: understudy_crc32c(0, payload, payload.count)
    )
    let result = payload.withUnsafeBytes { bytes -> Result<Void, JournalError> in
      do throws(JournalError) {
        return .success(try journal.append([record], payload: bytes))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
    next = next.next
  }
}
