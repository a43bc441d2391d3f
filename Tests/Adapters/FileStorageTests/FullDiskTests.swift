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

  private func open(
    _ disk: SmallDisk,
    volumeByteCount: UInt64 = Self.volumeByteCount
  ) throws -> StreamJournal {
    try StreamJournal(
      stream: StreamIdentifier("s"),
      folder: FileFolder(path: disk.path + "/journal"),
      replicas: [File(path: disk.path + "/replica.raw", creating: true)],
      volumeSizes: [volumeByteCount],
      settings: .init(historySeconds: 3600, hardLimitByteCount: 1 << 40, segmentByteCount: 2 << 20)
    )
  }

  /// One write, of bytes that are its number, and a checkpoint behind it.
  private func append(
    _ number: UInt8,
    to journal: StreamJournal,
    slots: UInt8 = 4
  ) throws {
    let next = journal.state.durable.next
    let payload = [UInt8](repeating: number, count: Self.writeByteCount)
    try payload.withUnsafeBytes { payload in
      let records = [
        StreamRecord(
          sequence: next,
          time: time(number),
          kind: .write,
          offset: UInt64(number % slots) * UInt64(Self.writeByteCount),
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
    let disk = try SmallDisk(.memory, megabytes: 16)
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

  @Test(arguments: SmallDisk.Kind.allCases)
  func `goes on with what it has while others take every byte that is free`(
    _ kind: SmallDisk.Kind
  ) throws {
    let disk = try SmallDisk(kind, megabytes: 32)
    defer { disk.end() }
    var journal = try open(disk)
    try begin(journal)
    for number in 1...20 as ClosedRange<UInt8> {
      try append(number, to: journal)
      try journal.maintain()
    }
    try disk.fill()
    var refusals = 0
    // The first fold puts into the replica what was never there.
    for number in 21...120 as ClosedRange<UInt8> {
      var attempts = 0
      while true {
        do {
          try append(number, to: journal)
          break
        } catch JournalError.storage(.full) {
          (refusals, attempts) = (refusals + 1, attempts + 1)
          try #require(attempts < 10, "no room is made for write \(number)")
          try journal.enforceRetention(now: time(number))
          try disk.fill()
        }
      }
    }
    #expect(refusals > 0 && journal.statistics.isSpaceShort)
    #expect(journal.statistics.shortened?.reason == .diskFull)
    #expect(journal.checkpoints().last?.identifier.number == 120)
    #expect(try isRight(journal, after: 120))
    // Opening does not need room either.
    let durable = journal.state.durable
    journal = try open(disk)
    #expect(journal.state.durable == durable)
    #expect(try isRight(journal, after: 120))

    try disk.empty()
    for number in 121...140 as ClosedRange<UInt8> { try append(number, to: journal) }
    try journal.enforceRetention(now: time(140))
    #expect(!journal.statistics.isSpaceShort)
    #expect(try isRight(journal, after: 140))
  }

  @Test(arguments: SmallDisk.Kind.allCases)
  func `is folded for good into a replica that has no room of its own`(
    _ kind: SmallDisk.Kind
  ) throws {
    let disk = try SmallDisk(kind, megabytes: 32)
    defer { disk.end() }
    let journal = try open(disk, volumeByteCount: 16 << 20)
    try begin(journal)
    for number in 1...30 as ClosedRange<UInt8> {
      try append(number, to: journal, slots: 64)
      try journal.maintain()
    }
    try disk.fill()
    // Seven megabytes, and two are set aside.
    try journal.promote(try #require(journal.checkpoints().last).identifier)
    #expect(journal.state.isPromoted && journal.statistics.allocatedByteCount == 0)
    let replica = try File(path: disk.path + "/replica.raw", creating: false)
    var bytes = [UInt8](repeating: 0, count: Self.writeByteCount)
    for number in 1...30 as ClosedRange<UInt8> {
      try bytes.withUnsafeMutableBytes {
        try replica.read(at: UInt64(number) * UInt64(Self.writeByteCount), into: $0)
      }
      #expect(bytes.allSatisfy { $0 == number }, "\(number)")
    }
  }

  @Test func `is opened although a fold that began finds no room`() throws {
    let disk = try SmallDisk(.memory, megabytes: 32)
    defer { disk.end() }
    var journal = try open(disk)
    try begin(journal)
    for number in 1...12 as ClosedRange<UInt8> { try append(number, to: journal) }
    try disk.fill()
    // Nothing is set aside, since nobody has tended it.
    #expect(journal.statistics.spareCount == 0)
    let target = try #require(journal.checkpoints().dropFirst(3).first)
    let sequence = try #require(journal.sequence(of: target.identifier))
    #expect(throws: JournalError.self) { try journal.fold(through: sequence) }
    let durable = journal.state.durable
    journal = try open(disk)
    #expect(journal.state.durable == durable && journal.state.folded == sequence)
    #expect(try isRight(journal, after: 12))
    try disk.empty()
    try journal.fold(through: sequence)
    #expect(try isRight(journal, after: 12))
  }
}

/// A file system of its own, of a few megabytes.
struct SmallDisk {
  enum Kind: CaseIterable {
    case memory
    /// A loop device.
    case ext4
  }

  let path: String
  private let kind: Kind
  private var hog: String { path + "/hog" }
  private var image: String { path + ".img" }

  init(_ kind: Kind, megabytes: Int) throws {
    self.kind = kind
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("us-full-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    switch kind {
    case .memory:
      try #require(Glibc.mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0)
    case .ext4:
      try run("truncate", ["-s", "\(megabytes)M", image])
      try run("mkfs.ext4", ["-q", "-F", "-m", "0", image])
      try run("mount", ["-o", "loop", image, path])
    }
  }

  /// Takes all the room there is.
  func fill() throws {
    let descriptor = Glibc.open(hog, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let bytes = [UInt8](repeating: 1, count: 4096)
    repeat {
      while write(descriptor, bytes, bytes.count) > 0 {}
      #expect(errno == ENOSPC)
      // What was removed may come back only now.
      try #require(fsync(descriptor) == 0)
    } while Glibc.write(descriptor, bytes, bytes.count) > 0
  }

  /// Gives it back.
  func empty() throws { try FileManager.default.removeItem(atPath: hog) }

  func end() {
    umount2(path, Int32(MNT_DETACH))
    try? FileManager.default.removeItem(atPath: path)
    try? FileManager.default.removeItem(atPath: image)
  }

  private func run(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(program) failed")
  }
}
