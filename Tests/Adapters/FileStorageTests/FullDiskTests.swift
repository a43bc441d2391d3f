// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import FileStorage
import Foundation
import Glibc
import Journal
import RecoveryModel
import Testing

/// A journal on a real file system of a few megabytes, long before its limit.
@Suite(.enabled(if: getuid() == 0, "mounting a small disk needs root"))
struct `A journal whose disk is really full` {
  private static let writeByteCount = 256 << 10
  private static let volumeByteCount: UInt64 = 1 << 20

  private func open(_ disk: SmallDisk) throws -> StreamJournal {
    try StreamJournal(
      stream: StreamIdentifier("s"),
      folder: FileFolder(path: disk.path + "/journal"),
      replicas: [File(path: disk.path + "/replica.raw", creating: true)],
      volumeSizes: [Self.volumeByteCount],
      settings: .init(historySeconds: 3600, hardLimitByteCount: 1 << 40, segmentByteCount: 2 << 20)
    )
  }

  /// One write, of bytes that are its number, and a checkpoint behind it.
  private func append(_ number: UInt8, to journal: StreamJournal) throws {
    let next = journal.state.durable.next
    let payload = [UInt8](repeating: number, count: Self.writeByteCount)
    try payload.withUnsafeBytes { payload in
      let records = [
        StreamRecord(
          sequence: next,
          time: time(number),
          kind: .write,
          offset: UInt64(number % 4) * UInt64(Self.writeByteCount),
          length: UInt32(payload.count),
          payloadChecksum: crc32c(payload)
        ),
        StreamRecord(sequence: next.next, time: time(number), kind: .mark, offset: UInt64(number)),
      ]
      try journal.append(records, payload: payload)
    }
  }

  private func time(_ number: UInt8) -> WallTime {
    WallTime(milliseconds: 1_700_000_000_000 + Int64(number) * 1000)
  }

  private func crc32c(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var crc = ~UInt32(0)
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
    }
    return ~crc
  }

  /// Whether the newest point is the last four writes.
  private func isRight(_ journal: StreamJournal, after number: UInt8) throws -> Bool {
    var bytes = [UInt8](repeating: 0, count: Int(Self.volumeByteCount))
    try bytes.withUnsafeMutableBytes { try journal.readLatest(volume: 0, at: 0, into: $0) }
    return (number - 3...number).allSatisfy { written in
      let start = Int(written % 4) * Self.writeByteCount
      return bytes[start..<start + Self.writeByteCount].allSatisfy { $0 == written }
    }
  }

  private func begin(_ journal: StreamJournal) throws {
    let records = [StreamRecord.Kind.syncBegan, .syncEnded].enumerated().map { index, kind in
      StreamRecord(
        sequence: SequenceNumber(UInt64(index) + 1),
        time: time(0),
        kind: kind,
        offset: kind == .syncBegan ? 1 : 0
      )
    }
    try journal.append(records, payload: UnsafeRawBufferPointer(start: nil, count: 0))
  }

  @Test func `gives up its oldest history, and takes every write`() throws {
    let disk = try SmallDisk(megabytes: 16)
    defer { disk.end() }
    var journal = try open(disk)
    try begin(journal)
    var refusals = 0
    // Three times what the disk holds.
    for number in 1...190 as ClosedRange<UInt8> {
      var attempts = 0
      while true {
        do {
          try append(number, to: journal)
          break
        } catch JournalError.storage(.full) {
          (refusals, attempts) = (refusals + 1, attempts + 1)
          try #require(attempts < 10, "no room is made for write \(number)")
          try journal.enforceRetention(now: time(number))
        }
      }
    }
    #expect(refusals > 0, "the disk was never full")
    #expect(journal.statistics.shortened?.reason == .diskFull)
    let kept = journal.checkpoints().map(\.identifier.number)
    #expect(kept.last == 190 && kept.count > 10 && kept.count < 100)
    #expect(try isRight(journal, after: 190))
    let durable = journal.state.durable
    journal = try open(disk)
    #expect(journal.state.durable == durable)
    #expect(try isRight(journal, after: 190))
  }

  @Test func `loses nothing while others have all the room, and goes on when they leave`() throws {
    let disk = try SmallDisk(megabytes: 16)
    defer { disk.end() }
    var journal = try open(disk)
    try begin(journal)
    for number in 1...20 as ClosedRange<UInt8> { try append(number, to: journal) }
    try disk.fill()
    var number: UInt8 = 21
    // What fits into the segment is taken.
    while (try? append(number, to: journal)) != nil { number += 1 }
    #expect(journal.statistics.isSpaceShort)
    for _ in 0..<3 {
      try? journal.enforceRetention(now: time(number))
      try disk.fill()
      while (try? append(number, to: journal)) != nil { number += 1 }
    }
    #expect(try isRight(journal, after: number - 1))
    let durable = journal.state.durable
    // Opening does not need room either.
    journal = try open(disk)
    #expect(journal.state.durable == durable)
    #expect(try isRight(journal, after: number - 1))
    while (try? append(number, to: journal)) != nil { number += 1 }

    try disk.empty()
    try journal.enforceRetention(now: time(number))
    for next in number...number + 20 { try append(next, to: journal) }
    try journal.enforceRetention(now: time(number))
    #expect(!journal.statistics.isSpaceShort)
    #expect(try isRight(journal, after: number + 20))
  }
}

/// A file system of its own, in memory, of a few megabytes.
private struct SmallDisk {
  let path: String
  private var hog: String { path + "/hog" }

  init(megabytes: Int) throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("us-full-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try #require(mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0)
  }

  /// Takes all the room there is.
  func fill() throws {
    let descriptor = Glibc.open(hog, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let bytes = [UInt8](repeating: 1, count: 4096)
    while write(descriptor, bytes, bytes.count) == bytes.count {}
    #expect(errno == ENOSPC)
  }

  /// Gives it back.
  func empty() throws { try FileManager.default.removeItem(atPath: hog) }

  func end() {
    umount2(path, Int32(MNT_DETACH))
    try? FileManager.default.removeItem(atPath: path)
  }
}
