// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

@testable import Journal
import RecoveryModel
import Simulation
import Testing

@Suite struct `Opening a journal` {
  /// Three batches of one write each in one segment, at 4096, 8192 and 12288.
  private func filled() throws -> Fixture {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    for value in 1...3 as ClosedRange<UInt8> {
      try journal.append([fixture.recording.write(0, 0, [value])])
    }
    return fixture
  }

  private let name = "0000000000000001.journal"

  @Test func `cuts off a torn end`() throws {
    let fixture = try filled()
    fixture.disk.damage("journal/" + name, at: 12_288 + 100)
    let journal = try fixture.open()
    #expect(journal.state.durable == SequenceNumber(4))
    #expect(try fixture.difference(journal, asOf: SequenceNumber(4)) == nil)
  }

  @Test(arguments: 0..<20 as Range<UInt64>, [true, false])
  func `makes durable what it found, before it says so`(seed: UInt64, isSyncLost: Bool) throws {
    var fixture = Fixture(seed: seed)
    var journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1)])
    // The process dies between write and sync, or when the sync has failed.
    if isSyncLost { fixture.disk.failOnce("sync") } else { fixture.disk.die(after: 1) }
    let entry = fixture.recording.write(0, 0, [UInt8](repeating: 1, count: 9000))
    #expect(throws: JournalError.self) { try journal.append([entry]) }
    fixture.disk.revive()
    journal = try fixture.open()
    #expect(journal.state.durable == SequenceNumber(4))
    fixture.disk.cutPower()
    #expect(try fixture.open().state.durable == SequenceNumber(4))
  }

  @Test(arguments: [4096, 4096 + 30, 8192 + 70])
  func `says where a segment is damaged in the middle`(offset: Int) throws {
    let fixture = try filled()
    fixture.disk.damage("journal/" + name, at: offset)
    #expect(throws: JournalError.corrupt(file: name, offset: UInt64(offset) & ~4095)) {
      try fixture.open()
    }
  }

  @Test func `says that a segment in the middle ends early`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    for _ in 0..<3 {
      try journal.append([fixture.recording.write(0, 0, [UInt8](repeating: 1, count: 50_000))])
    }
    fixture.disk.damage("journal/0000000000000002.journal", at: 4096 + 70)
    #expect(throws: JournalError.corrupt(file: "0000000000000002.journal", offset: 4096)) {
      try fixture.open()
    }
  }

  @Test func `says that a segment is missing`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    for _ in 0..<3 {
      try journal.append([fixture.recording.write(0, 0, [UInt8](repeating: 1, count: 50_000))])
    }
    try fixture.disk.folder("journal").remove("0000000000000001.journal")
    #expect(throws: JournalError.corrupt(file: "0000000000000002.journal", offset: 0)) {
      try fixture.open()
    }
  }

  @Test func `says that a header is damaged`() throws {
    let fixture = try filled()
    fixture.disk.damage("journal/" + name, at: 200)
    #expect(throws: JournalError.corrupt(file: name, offset: 0)) { try fixture.open() }
  }

  @Test func `refuses the folder of another stream, and replicas that are missing or too small`()
    throws
  {
    var fixture = try filled()
    #expect(throws: JournalError.otherStream) { try fixture.open(stream: "other") }
    fixture.recording = Recording(volumeSizes: [150_000])
    #expect(throws: JournalError.otherStream) { try fixture.open() }
  }

  @Test func `refuses a damaged or missing state file`() throws {
    let fixture = try filled()
    fixture.disk.damage("journal/state", at: 30)
    #expect(throws: JournalError.stateDamaged) { try fixture.open() }
    try fixture.disk.folder("journal").remove("state")
    #expect(throws: JournalError.stateDamaged) { try fixture.open() }
  }

  @Test func `is not misled by a journal inside a guest's disk`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1)])
    // A good batch of a stream with another name, with later numbers, where batches begin.
    let header = BatchHeader(
      firstSequence: SequenceNumber(9),
      salt: 1,
      recordCount: 1,
      payloadByteCount: 0
    )
    var inner = [UInt8](repeating: 0, count: 8192)
    let record = StreamRecord(
      sequence: SequenceNumber(9),
      time: WallTime(milliseconds: 0),
      kind: .syncEnded
    )
    inner.withUnsafeMutableBytes { bytes in
      let place = UnsafeMutableRawBufferPointer(rebasing: bytes[3992..<(3992 + 104)])
      header.encode(into: place)
      record.encode(into: UnsafeMutableRawBufferPointer(rebasing: place[64...]))
      BatchHeader.seal(place)
    }
    try journal.append([fixture.recording.write(0, 0, inner)])
    fixture.disk.damage("journal/" + name, at: 8192)
    #expect(try fixture.open().state.durable == SequenceNumber(3))
  }
}

@Suite struct `The journal's format` {
  @Test func `has segment headers of these bytes`() throws {
    var bytes = [UInt8](repeating: 0xEE, count: 4096)
    let header = SegmentHeader(
      stream: StreamIdentifier("ab"),
      ordinal: 0x0102,
      salt: 0x0807_0605_0403_0201,
      volumeSizes: [5, 6]
    )
    bytes.withUnsafeMutableBytes { header.encode(into: $0) }
    #expect(Array(bytes[0..<12]) == Array("USJOURNL".utf8) + [3, 0, 0, 0])
    #expect(Array(bytes[16..<24]) == [2, 1, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[24..<32]) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(Array(bytes[32..<43]) == [2, 0, 0, 0, 2, 0, 0, 0, 0x61, 0x62, 0])
    #expect(Array(bytes[128..<144]) == [5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0])
    #expect(bytes[144...].allSatisfy { $0 == 0 })
    #expect(header.fileName == "0000000000000102.journal")
    let decoded = try bytes.withUnsafeMutableBytes {
      try SegmentHeader(decoding: $0, file: "f")
    }
    #expect(decoded == header)
  }

  @Test func `has batch headers of these bytes`() throws {
    var bytes = [UInt8](repeating: 0xEE, count: 64)
    let header = BatchHeader(
      firstSequence: SequenceNumber(7),
      salt: 0x0807_0605_0403_0201,
      recordCount: 2,
      payloadByteCount: 3
    )
    bytes.withUnsafeMutableBytes { header.encode(into: $0) }
    #expect(Array(bytes[0..<16]) == Array("USJBATCH".utf8) + [147, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[16..<32]) == [7, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[32..<48]) == [1, 2, 3, 4, 5, 6, 7, 8, 2, 0, 0, 0, 3, 0, 0, 0])
    #expect(Array(bytes[48..<52]) == [144, 0, 0, 0])
    #expect(bytes[52...].allSatisfy { $0 == 0 })
    #expect(bytes.withUnsafeBytes { BatchHeader(decoding: $0) } == header)
    for count in 0..<64 {
      #expect(bytes[..<count].withUnsafeBytes { BatchHeader(decoding: $0) } == nil)
    }
  }

  @Test func `has a state file of these lines`() throws {
    var state = SavedState(stream: StreamIdentifier("ab"), volumes: VolumeSizes([5, 6]))
    state.isComplete = true
    state.folded = SequenceNumber(9)
    state.sync = 2
    state.checkpoint = Checkpoint(
      identifier: CheckpointIdentifier(4),
      time: WallTime(milliseconds: 12),
      tag: "é ",
      isQuiesced: true
    )
    #expect(state.encoded.count == 4096)
    // A line of spaces fills it up.
    let lines = String(decoding: state.encoded, as: UTF8.self).split(separator: "\n")
    let text = lines.filter { line in line.contains { $0 != " " } }.joined(separator: "\n")
    #expect(lines.count == 12)
    #expect(
      text.hasPrefix(
        """
        understudy-journal 3
        stream ab
        volumes 5 6
        complete 1
        folded 9
        folding 0
        sync 2
        promoted 0
        checkpoint 4 12 -c3a920
        quiesced 1
        crc32c 
        """
      )
    )
    #expect(try SavedState(decoding: state.encoded) == state)
    let encoded = state.encoded
    for count in encoded.indices {
      #expect(throws: JournalError.self) { try SavedState(decoding: Array(encoded[..<count])) }
    }
  }

  @Test func `saves its state in two files by turns, neither of which is made again`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1)])
    let folder = fixture.disk.folder("journal")
    let names = try folder.list()
    #expect(names.contains("state") && names.contains("state.old"))
    let before = fixture.disk.content("journal/state")
    fixture.disk.setFull(true)
    try journal.fold(through: journal.state.durable)
    #expect(fixture.disk.content("journal/state") != before)
    #expect(fixture.disk.content("journal/state.old").count == 4096)
    #expect(try fixture.open().state.folded == journal.state.folded)
  }

  @Test func `tells a newer version from damage`() throws {
    var bytes = Array("understudy-journal 4\n".utf8)
    let sum = String(bytes.withUnsafeBytes { Checksum.of($0) }, radix: 16)
    bytes += Array("crc32c \(String(repeating: "0", count: 8 - sum.count) + sum)\n".utf8)
    #expect(throws: JournalError.unsupportedVersion(4)) { try SavedState(decoding: bytes) }
  }
}
