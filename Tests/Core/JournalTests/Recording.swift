// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

@testable import Journal
import RecoveryModel
import Simulation

/// Makes records and remembers what they say, so that a journal can be compared with it.
struct Recording {
  struct Entry {
    var record: StreamRecord
    var payload: [UInt8]
  }

  let volumeSizes: [Int]
  private(set) var entries: [Entry] = []
  /// What the volumes held before the first entry.
  private(set) var base: [[UInt8]]
  private(set) var next: UInt64 = 1
  private var milliseconds: Int64 = 1_700_000_000_000

  init(volumeSizes: [Int]) {
    self.volumeSizes = volumeSizes
    base = volumeSizes.map { [UInt8](repeating: 0, count: $0) }
  }

  var time: WallTime { WallTime(milliseconds: milliseconds) }

  mutating func pass(seconds: Int) { milliseconds += Int64(seconds) * 1000 }

  mutating func write(_ volume: Int, _ offset: Int, _ bytes: [UInt8]) -> Entry {
    make(.write, volume: volume, offset: UInt64(offset), length: bytes.count, payload: bytes)
  }

  mutating func zeroes(_ volume: Int, _ offset: Int, _ count: Int) -> Entry {
    make(.zeroes, volume: volume, offset: UInt64(offset), length: count)
  }

  mutating func mark(_ number: UInt64, tag: String = "", isQuiesced: Bool = false) -> Entry {
    let bytes = Array(tag.utf8)
    return make(
      .mark,
      volume: isQuiesced ? 1 : 0,
      offset: number,
      length: bytes.count,
      payload: bytes
    )
  }

  /// `volumes` are those from here on; nil says that they stay.
  mutating func syncBegan(_ kind: UInt64, volumes: [UInt64]? = nil) -> Entry {
    let payload = volumes.map { VolumeSizes($0).encoded } ?? []
    return make(.syncBegan, offset: kind, length: payload.count, payload: payload)
  }
  mutating func syncEnded() -> Entry { make(.syncEnded) }

  private mutating func make(
    _ kind: StreamRecord.Kind,
    volume: Int = 0,
    offset: UInt64 = 0,
    length: Int = 0,
    payload: [UInt8] = []
  ) -> Entry {
    let record = StreamRecord(
      sequence: SequenceNumber(next),
      time: time,
      kind: kind,
      volume: UInt16(volume),
      offset: offset,
      length: UInt32(length),
      payloadChecksum: payload.withUnsafeBytes { Checksum.of($0) }
    )
    let entry = Entry(record: record, payload: payload)
    entries.append(entry)
    next += 1
    return entry
  }

  /// Forgets what did not become durable.
  mutating func cut(after sequence: SequenceNumber) {
    entries.removeAll { $0.record.sequence > sequence }
    next = sequence.rawValue + 1
  }

  /// The volumes' content just after a record.
  func content(asOf sequence: SequenceNumber) -> [[UInt8]] {
    var volumes = base
    for entry in entries where entry.record.sequence <= sequence {
      let start = Int(entry.record.offset)
      let volume = Int(entry.record.volume)
      switch entry.record.kind {
      case .write:
        volumes[volume].replaceSubrange(
          start..<(start + entry.payload.count),
          with: entry.payload
        )
      case .zeroes:
        let count = Int(entry.record.length)
        volumes[volume].replaceSubrange(
          start..<(start + count),
          with: [UInt8](repeating: 0, count: count)
        )
      default: break
      }
    }
    return volumes
  }

  /// The marks that are not inside a sync, with their records.
  var recoverable: [(number: UInt64, sequence: SequenceNumber)] {
    var isSyncing = false
    return entries.compactMap { entry in
      switch entry.record.kind {
      case .syncBegan: isSyncing = true
      case .syncEnded: isSyncing = false
      case .mark where !isSyncing: return (entry.record.offset, entry.record.sequence)
      default: break
      }
      return nil
    }
  }
}

extension StreamJournal {
  func append(_ entries: [Recording.Entry]) throws(JournalError) {
    let payload = entries.flatMap(\.payload)
    let records = entries.map(\.record)
    let result = payload.withUnsafeBytes { bytes -> Result<Void, JournalError> in
      do throws(JournalError) {
        return .success(try append(records, payload: bytes))
      } catch { return .failure(error) }
    }
    try result.get()
  }

  /// All of a volume as of a record.
  func content(
    _ volume: Int,
    count: Int,
    from offset: Int = 0,
    asOf sequence: SequenceNumber
  ) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: count)
    try bytes.withUnsafeMutableBytes {
      try read(volume: volume, at: UInt64(offset), into: $0, asOf: sequence)
    }
    return bytes
  }

  func latest(_ volume: Int, count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: count)
    try bytes.withUnsafeMutableBytes { try readLatest(volume: volume, at: 0, into: $0) }
    return bytes
  }
}
