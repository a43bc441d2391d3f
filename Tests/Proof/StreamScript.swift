// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import CChecksum
import FileStorage
import Foundation
import Glibc
import Journal
import RecoveryModel
import Simulation

/// A stream of random records that remembers what each point of it is.
struct StreamScript {
  struct Entry {
    var record: StreamRecord
    var payload: [UInt8]
  }

  /// The most each volume ever has.
  let volumeSizes: [Int]
  /// What there is of each volume now: with each sync another one comes, grows or goes.
  private var present: [Int]
  /// Whether syncs say which volumes there are; in format version 2 they do not.
  private let changesVolumes: Bool
  private(set) var changeCount = 0
  private(set) var entries: [Entry] = []
  private(set) var generator: SeededGenerator
  private var milliseconds: Int64 = 1_767_225_600_000
  private var checkpoint: UInt64 = 0

  init(volumeSizes: [Int], seed: UInt64, changesVolumes: Bool = true) {
    self.volumeSizes = volumeSizes
    self.changesVolumes = changesVolumes
    present = Self.firstSizes(volumeSizes)
    generator = SeededGenerator(seed: seed)
  }

  /// What there is of each volume in the beginning.
  static func firstSizes(_ volumeSizes: [Int]) -> [Int] {
    [volumeSizes[0], volumeSizes[1] / 2]
  }

  /// The replicas in a folder, with room for what the volumes ever have.
  static func replicas(_ volumeSizes: [Int], in folder: URL) throws -> [any StorageFile] {
    try volumeSizes.enumerated().map { volume, size in
      let file = try File(path: folder.appending(path: "\(volume).raw").path(), creating: true)
      if try file.byteCount() < UInt64(size) {
        try file.resize(to: UInt64(size))
        try file.sync()
      }
      return file
    }
  }

  var last: SequenceNumber { SequenceNumber(UInt64(entries.count)) }

  /// Random numbers from the same seed, for what is not in the stream.
  mutating func random(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

  /// Appends a record of this kind to the script.
  mutating func add(_ kind: StreamRecord.Kind, offset: UInt64 = 0) {
    var payload: [UInt8] = []
    var record = StreamRecord(
      sequence: last.next,
      time: WallTime(milliseconds: milliseconds),
      kind: kind,
      offset: offset
    )
    switch kind {
    case .write, .zeroes:
      let volumes = present.indices.filter { present[$0] > 0 }
      let volume = volumes[random(0..<volumes.count)]
      // Most writes are blocks; some are of any length and at any place.
      let unit = generator.once(in: 4) ? 1 : 4096
      let count = random(1..<(kind == .write ? 20_000 : 60_000) / unit + 1) * unit
      let start = random(0..<(present[volume] - count) / unit + 1) * unit
      record.volume = UInt16(volume)
      record.offset = UInt64(start)
      record.length = UInt32(count)
      if kind == .write { payload = randomBytes(count) }
    case .mark:
      checkpoint += 1
      record.offset = checkpoint
      payload = Array("tag \(checkpoint)".utf8)
      record.length = UInt32(payload.count)
    case .syncBegan where !changesVolumes: break
    case .syncBegan:
      if !entries.isEmpty { changeVolumes() }
      payload = VolumeSizes(present.map { UInt64($0) }).encoded
      record.length = UInt32(payload.count)
    case .syncEnded: break
    }
    record.payloadChecksum = understudy_crc32c(0, payload, payload.count)
    entries.append(Entry(record: record, payload: payload))
    milliseconds += Int64(random(0..<400))
  }

  private mutating func changeVolumes() {
    changeCount += 1
    switch changeCount {
    case 1: present.append(volumeSizes[2])
    case 2: present[1] = volumeSizes[1]
    case 3: present[1] = 0
    default: break
    }
  }

  /// Adds a random number of random records: what a guest does, checkpoints, now and then a sync.
  mutating func addBatch(isSyncing: inout Bool) {
    for _ in 0..<random(1..<6) {
      switch random(0..<20) {
      case 0: add(.zeroes)
      case 1: add(.mark)
      case 2 where !isSyncing && generator.once(in: 2):
        add(.syncBegan, offset: 2)
        isSyncing = true
      case 3...5 where isSyncing:
        add(.syncEnded)
        isSyncing = false
      default: add(.write)
      }
    }
  }

  /// Lets time pass between two records.
  mutating func pass(seconds: Int) { milliseconds += Int64(seconds) * 1000 }

  /// Hands the records after `first` to a journal as one durable batch.
  func append(after first: SequenceNumber, to journal: StreamJournal) throws {
    let batch = entries[Int(first.rawValue)...]
    let payload = batch.flatMap(\.payload)
    try payload.withUnsafeBytes { try journal.append(batch.map(\.record), payload: $0) }
  }

  /// The volumes' content just after a record; of one that is not there, nothing.
  func content(asOf sequence: SequenceNumber) -> [[UInt8]] {
    var volumes = volumeSizes.map { [UInt8](repeating: 0, count: $0) }
    var sizes = VolumeSizes(Self.firstSizes(volumeSizes).map { UInt64($0) })
    for entry in entries.prefix(Int(sequence.rawValue)) {
      let record = entry.record
      let (start, count) = (Int(record.offset), Int(record.length))
      if record.kind == .syncBegan { sizes = VolumeSizes(decoding: entry.payload) ?? sizes }
      guard record.kind == .write || record.kind == .zeroes else { continue }
      volumes[Int(record.volume)].withUnsafeMutableBytes { bytes in
        let place = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<(start + count)])
        if record.kind == .write {
          place.copyBytes(from: entry.payload)
        } else {
          place.initializeMemory(as: UInt8.self, repeating: 0)
        }
      }
    }
    return volumes.enumerated().map { Array($1.prefix(Int(sizes[$0]))) }
  }

  private mutating func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: (count + 7) & ~7)
    bytes.withUnsafeMutableBytes { buffer in
      for start in stride(from: 0, to: buffer.count, by: 8) {
        buffer.storeBytes(of: generator.next(), toByteOffset: start, as: UInt64.self)
      }
    }
    return Array(bytes.prefix(count))
  }
}

extension [UInt8] {
  /// What `==` says, in a time that does not depend on the build.
  func hasSameBytes(as other: [UInt8]) -> Bool {
    count == other.count
      && withUnsafeBytes { a in
        other.withUnsafeBytes { b in
          guard let first = a.baseAddress, let second = b.baseAddress else { return true }
          return memcmp(first, second, a.count) == 0
        }
      }
  }
}
