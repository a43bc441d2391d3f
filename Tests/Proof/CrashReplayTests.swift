// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import FileStorage
import Foundation
import Journal
import RecoveryModel
import Simulation
import Testing

/// The journal on a real file system on a recorded block device, after a power cut at every flush.
@Suite struct `A journal after a power cut` {
  static let volumeSizes = [600_000, 250_000, 100_000]
  static let diskByteCount = 32 << 20
  static let settings = StreamJournal.Settings(
    historySeconds: 20,
    hardLimitByteCount: 2 << 20,
    segmentByteCount: 256 << 10
  )

  /// What the appending thread knew at some moment: these records were acknowledged when the
  /// recording had this length.
  struct Acknowledgement {
    var recordedByteCount: Int
    var sequence: SequenceNumber
  }

  @Test func `opens, and holds every write that was acknowledged`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "crash-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let wanted = Int(ProcessInfo.processInfo.environment["CRASH_BOUNDARIES"] ?? "") ?? 200

    var script = StreamScript(volumeSizes: Self.volumeSizes, seed: 1)
    var acknowledged: [Acknowledgement] = []
    let operations = try record(&script, &acknowledged, in: folder)
    let flushes = operations.indices.filter {
      if case .flush = operations[$0].content { true } else { false }
    }
    print(
      "\(script.entries.count) records, \(operations.count) operations, \(flushes.count) flushes"
    )
    try #require(flushes.count > 300 && script.changeCount >= 3, "too little was recorded")

    var disk = ReplayedDisk(byteCount: Self.diskByteCount)
    var generator = SeededGenerator(seed: 2)
    var (position, checked, folds) = (0, 0, Set<SequenceNumber>())
    for (number, flush) in flushes.enumerated() {
      for operation in operations[position...flush] { disk.apply(operation) }
      position = flush + 1
      // Before the journal is there, there is nothing to open.
      let durable = acknowledged.last { $0.recordedByteCount <= operations[flush].end }
      guard let durable, number % max(1, flushes.count / wanted) == 0 else { continue }
      let next = number + 1 < flushes.count ? flushes[number + 1] : operations.count
      var torn = disk
      torn.applySome(of: operations[position..<next], &generator)
      for (state, isTorn) in [(disk, false), (torn, true)] {
        let found = try state.mounted(in: folder) {
          try Self.check(at: $0, script, atLeast: durable.sequence, &generator)
        }
        #expect(found.complaint == nil, "flush \(number), torn: \(isTorn)")
        folds.insert(found.folded)
        checked += 1
      }
    }
    print("\(checked) power cuts, \(folds.count) different states of the replicas")
    #expect(checked >= wanted && folds.count > 5)
  }

  private func record(
    _ script: inout StreamScript,
    _ acknowledged: inout [Acknowledgement],
    in folder: URL
  ) throws -> [RecordedOperation] {
    let disk = try RecordedDisk(in: folder, byteCount: Self.diskByteCount)
    try work(on: disk, &script, &acknowledged)
    return try disk.finish()
  }

  /// Lets a journal work on a recorded disk: appends, folds, maintenance, and a restart now and
  /// then.
  private func work(
    on disk: RecordedDisk,
    _ script: inout StreamScript,
    _ acknowledged: inout [Acknowledgement]
  ) throws {
    var journal = try Self.open(at: disk.mountPoint)
    var isSyncing = false
    script.add(.syncBegan, offset: 1)
    for _ in 0..<10 { script.add(.write) }
    script.add(.syncEnded)
    try script.append(after: SequenceNumber(0), to: journal)
    for round in 0..<160 {
      acknowledged.append(
        Acknowledgement(
          recordedByteCount: try disk.recordedByteCount(),
          sequence: script.last
        )
      )
      let last = script.last
      script.addBatch(isSyncing: &isSyncing)
      try script.append(after: last, to: journal)
      if round % 4 == 3 { try journal.maintain() }
      if round % 8 == 7, let time = script.entries.last?.record.time {
        try journal.enforceRetention(now: time)
      }
      if round % 50 == 49 {
        let middle = journal.state.folded.rawValue / 2 + script.last.rawValue / 2
        try journal.fold(through: SequenceNumber(middle))
      }
      if round % 40 == 39 { journal = try Self.open(at: disk.mountPoint) }
    }
  }

  static func open(at folder: URL) throws -> StreamJournal {
    try StreamJournal(
      stream: StreamIdentifier("crash"),
      folder: FileFolder(path: folder.appending(path: "journal").path()),
      replicas: StreamScript.replicas(volumeSizes, in: folder),
      volumeSizes: StreamScript.firstSizes(volumeSizes).map { UInt64($0) },
      settings: settings
    )
  }

  /// What is wrong with the journal in a folder, if anything, and how far it is folded.
  static func check(
    at folder: URL,
    _ script: StreamScript,
    atLeast acknowledged: SequenceNumber,
    _ generator: inout SeededGenerator
  ) throws -> (complaint: String?, folded: SequenceNumber) {
    let journal: StreamJournal
    do { journal = try open(at: folder) } catch {
      return ("it does not open: \(error)", SequenceNumber(0))
    }
    let state = journal.state
    func complain(_ text: String) -> (String?, SequenceNumber) { (text, state.folded) }
    guard state.durable >= acknowledged else {
      return complain(
        "\(acknowledged.rawValue) was acknowledged, \(state.durable.rawValue) is there"
      )
    }
    guard state.durable <= script.last else { return complain("records nobody wrote") }
    let between = UInt64.random(
      in: state.folded.rawValue...state.durable.rawValue,
      using: &generator
    )
    for point in [state.folded, SequenceNumber(between), state.durable] {
      let sizes = journal.volumes(at: point)
      for (volume, expected) in script.content(asOf: point).enumerated() {
        guard sizes[volume] == UInt64(expected.count) else {
          return complain("volume \(volume) has another size as of \(point.rawValue)")
        }
        if expected.isEmpty { continue }
        var bytes = [UInt8](repeating: 0xEE, count: expected.count)
        try bytes.withUnsafeMutableBytes {
          try journal.read(volume: volume, at: 0, into: $0, asOf: point)
        }
        guard bytes.hasSameBytes(as: expected) else {
          return complain("volume \(volume) differs as of \(point.rawValue)")
        }
      }
    }
    return (nil, state.folded)
  }
}
