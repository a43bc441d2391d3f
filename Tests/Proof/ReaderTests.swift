// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import CChecksum
import FileStorage
import Foundation
import Journal
import RecoveryModel
import Testing

/// `scripts/read-journal`, which shares no code with us, reads what our journal writes.
@Suite struct `The independent reader` {
  @Test func `finds every point as the journal gives it`() throws {
    let bench = try ReaderBench()
    defer { bench.remove() }
    #expect(try bench.read("verify").contains("records \(bench.journal.state.folded.rawValue) to"))

    let listed = try bench.read("list").split(separator: "\n").dropLast().map { line in
      UInt64(line.split(separator: " ")[3])
    }
    let checkpoints = bench.journal.checkpoints()
    try #require(checkpoints.count > 5)
    try #require(bench.script.changeCount >= 3, "too few changes of the volumes")
    #expect(listed == checkpoints.map { bench.journal.sequence(of: $0.identifier)?.rawValue })

    let (first, last) = (bench.journal.state.folded, bench.journal.state.durable)
    try bench.compare("last", with: last)
    for number in stride(from: first.rawValue, to: last.rawValue, by: 41) {
      let point = SequenceNumber(number)
      do throws(JournalError) { try bench.journal.validate(point) } catch {
        let said = try bench.read("extract", "0", "sequence:\(number)", "out", fails: true)
        #expect(said.contains("inside a sync"))
        continue
      }
      try bench.compare("sequence:\(number)", with: point)
      guard let time = try bench.journal.pointTime(of: point) else { continue }
      let asOf = try #require(try bench.journal.sequence(at: time))
      try bench.compare("time:\(time.milliseconds)", with: asOf)
    }
    for checkpoint in [checkpoints[0], checkpoints[checkpoints.count / 2]] {
      let point = try #require(bench.journal.sequence(of: checkpoint.identifier))
      try bench.compare("checkpoint:\(checkpoint.identifier)", with: point)
    }
  }

  @Test func `reads version 2, as the journal does`() throws {
    let bench = try ReaderBench(changesVolumes: false).inVersion2()
    defer { bench.remove() }
    #expect(bench.journal.statistics.rebuiltIndexes.isEmpty)
    #expect(try bench.read("verify").contains("segments"))
    try bench.compare("last", with: bench.journal.state.durable)
    let checkpoints = bench.journal.checkpoints()
    let checkpoint = try #require(checkpoints.first)
    let point = try #require(bench.journal.sequence(of: checkpoint.identifier))
    try bench.compare("checkpoint:\(checkpoint.identifier)", with: point)
  }

  @Test func `notices every kind of damage and says where`() throws {
    let bench = try ReaderBench()
    defer { bench.remove() }
    let names = try bench.names(".journal").filter(bench.hasBatches)
    try #require(names.count > 4, "too few segments")
    let (middle, index) = (names[names.count / 2], try bench.names(".index")[1])
    // A segment's first batch begins at 4096, its records 64 bytes later.
    for (name, offset, expected) in [
      ("state", 40, "state: wrong checksum"),
      (middle, 200, "\(middle) at 0: the header's checksum is wrong"),
      (middle, 4096 + 20, "\(middle) at 4096: damaged"),
      (middle, 4096 + 64 + 3, "\(middle) at 4096: damaged"),
      (middle, try bench.payloadOffset(in: middle), "\(middle) at 4096: damaged"),
      (names[names.count - 1], 4096 + 70, "damaged, more is at"),
      (index, 30, "\(index): wrong checksum"),
      (index, 150, "\(index): wrong checksum"),
    ] {
      try bench.withDamage(to: name, at: offset) {
        let said = try bench.read("verify", fails: true)
        #expect(said.contains(expected))
      }
    }
    try bench.without(middle) {
      let said = try bench.read("verify", fails: true)
      #expect(said.contains("the segment before it is missing"))
    }
    #expect(try bench.read("verify").contains("segments"))
  }
}

/// A journal in files with everything a journal can have in it, and the reader to read it with.
struct ReaderBench {
  static let volumeSizes = [300_000, 150_000, 100_000]

  let folder: URL
  private(set) var journal: StreamJournal
  private(set) var script: StreamScript

  private var journalFolder: URL { folder.appending(path: "journal") }

  init(changesVolumes: Bool = true) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "reader-\(UUID())")
    script = StreamScript(volumeSizes: Self.volumeSizes, seed: 3, changesVolumes: changesVolumes)
    journal = try Self.open(folder)
    try work()
  }

  private static func open(_ folder: URL) throws -> StreamJournal {
    try StreamJournal(
      stream: StreamIdentifier("reader"),
      folder: FileFolder(path: folder.appending(path: "journal").path()),
      replicas: StreamScript.replicas(Self.volumeSizes, in: folder),
      volumeSizes: StreamScript.firstSizes(Self.volumeSizes).map { UInt64($0) },
      settings: StreamJournal.Settings(
        historySeconds: 3600,
        hardLimitByteCount: 64 << 20,
        segmentByteCount: 192 << 10
      )
    )
  }

  private mutating func work() throws {
    script.add(.syncBegan, offset: 1)
    for _ in 0..<5 { script.add(.write) }
    script.add(.syncEnded)
    try script.append(after: SequenceNumber(0), to: journal)
    var isSyncing = false
    for round in 0..<90 {
      let last = script.last
      script.addBatch(isSyncing: &isSyncing)
      try script.append(after: last, to: journal)
      if round % 3 == 0 { try journal.maintain() }
      // What is folded early makes room for segments in files that were used before.
      if round == 45 { try journal.fold(through: SequenceNumber(script.last.rawValue * 3 / 4)) }
    }
    if isSyncing { script.add(.syncEnded) }
    for kind in [StreamRecord.Kind.mark, .write, .mark] {
      script.add(kind)
      try script.append(after: journal.state.durable, to: journal)
    }
    try journal.maintain()
  }

  /// The same journal, opened from files that say they are of version 2.
  ///
  /// That is all they differ in while no sync says which volumes there are.
  func inVersion2() throws -> ReaderBench {
    // An index has a version of its own.
    for name in try names("") where !name.hasSuffix(".index") {
      let url = journalFolder.appending(path: name)
      var bytes = [UInt8](try Data(contentsOf: url))
      if name == "state" {
        let text = String(decoding: bytes, as: UTF8.self)
          .replacing("understudy-journal 3", with: "understudy-journal 2")
        let body = text[..<(try #require(text.range(of: "crc32c ")).lowerBound)]
        let sum = String(understudy_crc32c(0, Array(body.utf8), body.utf8.count), radix: 16)
        let digits = String(repeating: "0", count: 8 - sum.count) + sum
        bytes = Array("\(body)crc32c \(digits)\n".utf8)
      } else {
        bytes[8] = 2
        bytes.replaceSubrange(12..<16, with: [0, 0, 0, 0])
        let sum = understudy_crc32c(0, Array(bytes[..<4096]), 4096)
        bytes.replaceSubrange(
          12..<16,
          with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
        )
      }
      try Data(bytes).write(to: url)
    }
    var other = self
    other.journal = try Self.open(folder)
    return other
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// The journal's files of a kind, oldest first.
  func names(_ suffix: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: journalFolder.path())
      .filter { $0.hasSuffix(suffix) }.sorted()
  }

  /// Runs the reader and returns what it said.
  func read(_ arguments: String..., fails: Bool = false) throws -> String {
    let script = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "scripts/read-journal")
    return try Program.run(
      [script.path(), journalFolder.path()] + arguments,
      isExpectedToFail: fails
    )
  }

  /// Extracts the volumes as of a point and compares them with the journal and the script.
  func compare(_ point: String, with sequence: SequenceNumber) throws {
    let sizes = journal.volumes(at: sequence)
    for (volume, expected) in script.content(asOf: sequence).enumerated() {
      #expect(sizes[volume] == UInt64(expected.count))
      if expected.isEmpty { continue }
      let output = folder.appending(path: "out.raw")
      let replica = folder.appending(path: "\(volume).raw")
      _ = try read(
        "extract",
        "\(volume)",
        point,
        output.path(),
        "--replica",
        replica.path()
      )
      let extracted = [UInt8](try Data(contentsOf: output))
      var ours = [UInt8](repeating: 0xEE, count: expected.count)
      try ours.withUnsafeMutableBytes {
        try journal.read(volume: volume, at: 0, into: $0, asOf: sequence)
      }
      #expect(ours.hasSameBytes(as: expected), "the journal's volume \(volume) as of \(point)")
      #expect(extracted.hasSameBytes(as: expected), "the reader's volume \(volume) as of \(point)")
    }
  }

  /// Whether a segment has a batch; the one made ready for the next has none.
  func hasBatches(_ name: String) throws -> Bool {
    let data = try Data(contentsOf: journalFolder.appending(path: name))
    return data[4096..<4104] == Data("USJBATCH".utf8) && data[4128..<4136] == data[24..<32]
  }

  /// Where the first payload of a segment is in its file.
  func payloadOffset(in name: String) throws -> Int {
    let data = try Data(contentsOf: journalFolder.appending(path: name))
    return 4096 + Int(data[4096 + 48]) + Int(data[4096 + 49]) << 8 + 5
  }

  /// Flips a byte while `body` runs.
  func withDamage(to name: String, at offset: Int, _ body: () throws -> Void) throws {
    let file = try FileHandle(forUpdating: journalFolder.appending(path: name))
    defer { try? file.close() }
    func flip() throws {
      try file.seek(toOffset: UInt64(offset))
      let byte = try #require(try file.read(upToCount: 1)?.first)
      try file.seek(toOffset: UInt64(offset))
      try file.write(contentsOf: Data([byte ^ 0xFF]))
    }
    try flip()
    try body()
    try flip()
  }

  /// Takes a file away while `body` runs.
  func without(_ name: String, _ body: () throws -> Void) throws {
    let (here, away) = (journalFolder.appending(path: name), folder.appending(path: "away"))
    try FileManager.default.moveItem(at: here, to: away)
    try body()
    try FileManager.default.moveItem(at: away, to: here)
  }
}
