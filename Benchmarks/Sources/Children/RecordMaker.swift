// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import ReplicationProtocol

/// Makes batches of writes for a journal.
struct RecordMaker {
  let writeSize: Int
  var sequence = SequenceNumber(1)
  private(set) var records: [StreamRecord] = []
  /// The payloads of ``records``, end to end.
  private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)

  private var places: Places
  private let sample: Sample
  private var checksums: [Int: [UInt32]] = [:]
  private var batchCount = 0
  private let start = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))

  init(_ place: JournalChild.Place, writeSize: Int, order: Places.Order) throws {
    self.writeSize = writeSize
    places = Places(count: place.volumeByteCount / writeSize, order: order)
    sample = try Sample(.incompressible)
  }

  /// The time of the next record: 50,000 writes a second.
  var time: WallTime {
    WallTime(milliseconds: start.milliseconds + Int64(sequence.rawValue / 50))
  }

  /// Replaces the batch by the next one, with `byteCount` bytes of payload.
  mutating func makeBatch(_ byteCount: Int) {
    payload = sample.block(batchCount, byteCount)
    batchCount += 1
    let checksums = checksums(of: payload)
    records.removeAll(keepingCapacity: true)
    for checksum in checksums {
      records.append(
        StreamRecord(
          sequence: sequence,
          time: time,
          kind: .write,
          offset: UInt64(places.next() * writeSize),
          length: UInt32(writeSize),
          payloadChecksum: checksum
        )
      )
      sequence = sequence.next
    }
  }

  /// The first sync of a journal whose replica needs nothing.
  mutating func firstSync() -> [StreamRecord] {
    let records = [
      StreamRecord(sequence: sequence, time: time, kind: .syncBegan, offset: 1),
      StreamRecord(sequence: sequence.next, time: time, kind: .syncEnded),
    ]
    sequence = sequence.next.next
    return records
  }

  /// A checkpoint.
  mutating func mark(_ number: UInt64) -> StreamRecord {
    defer { sequence = sequence.next }
    return StreamRecord(sequence: sequence, time: time, kind: .mark, offset: number)
  }

  /// Computed once for each part of the sample: on the real path the tap has done it.
  private mutating func checksums(of payload: UnsafeRawBufferPointer) -> [UInt32] {
    let key = Int(bitPattern: payload.baseAddress) ^ payload.count
    if let known = checksums[key] { return known }
    let made = stride(from: 0, to: payload.count, by: writeSize).map { start in
      payloadChecksum(UnsafeRawBufferPointer(rebasing: payload[start..<start + writeSize]))
    }
    checksums[key] = made
    return made
  }
}

/// Where writes go, the same every time.
struct Places {
  enum Order {
    case sequential
    case random
    /// Every place once before any place twice, in an order that looks random.
    case permuted
  }

  let count: Int
  let order: Order
  private var given = 0
  private var generator = Generator(seed: 11)

  init(count: Int, order: Order) {
    self.count = count
    self.order = order
  }

  /// The number of the next place, below ``count``.
  mutating func next() -> Int {
    defer { given += 1 }
    switch order {
    case .sequential: return given % count
    case .random: return generator.next(below: count)
    // The factor is a prime that does not divide the count, so every place has its turn.
    case .permuted: return given % count * 1_000_003 % count
    }
  }
}
