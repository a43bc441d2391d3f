// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import FileStorage
import Foundation
import Journal
import RecoveryModel

/// The product's journal on the product's files.
///
/// The first three arguments of every command say which: folder, replica, volume size.
enum JournalChild {
  static let stream = StreamIdentifier("bench")

  /// Makes as much journal as asked for and says how many seconds the appends took.
  ///
  /// The segments are there before, as in a journal that has run for a while; afterwards
  /// everything is folded, and they are there for the next time. Further arguments: bytes, write
  /// size, batch size.
  static func append(_ words: inout Child.Words) throws {
    let place = try Place(&words)
    let byteCount = try words.number()
    var maker = try RecordMaker(place, writeSize: words.number(), order: .sequential)
    let batchSize = try words.number()
    let tended = TendedJournal(try place.openComplete(&maker))
    try tended.journal.prepare(byteCount: UInt64(byteCount + byteCount / 16))
    say("\(try append(byteCount, batchSize, &maker, tended))")
    try tended.end()
    try tended.journal.fold(through: tended.journal.state.durable)
  }

  /// Fills a new journal with writes at random places, in large batches, and a checkpoint at the
  /// end.
  ///
  /// Further arguments: how many writes, write size, the checkpoint's number.
  static func fill(_ words: inout Child.Words) throws {
    let place = try Place(&words)
    let writeCount = try words.number()
    var maker = try RecordMaker(place, writeSize: words.number(), order: .random)
    let checkpoint = UInt64(try words.number())
    let tended = TendedJournal(try place.openComplete(&maker))
    _ = try append(writeCount * maker.writeSize, 8 << 20, &maker, tended)
    try tended.mark(&maker, checkpoint)
    try tended.end()
  }

  /// Says in milliseconds how long it takes until a journal that is not open has answered the
  /// first read of a point, and how long until it has answered that of further points.
  static func open(_ words: inout Child.Words) throws {
    let place = try Place(&words)
    var generator = Generator(seed: 7)
    let began = now()
    let journal = try place.open()
    try readPoint(journal, place, &generator)
    let cold = now() - began
    var warm: [Double] = []
    for _ in 0..<32 {
      let began = now()
      try readPoint(journal, place, &generator)
      warm.append(now() - began)
    }
    say("\(cold * 1000) \((warm.max() ?? .nan) * 1000) \(journal.statistics.extentCount)")
  }

  /// Folds everything and says how many seconds it took.
  static func fold(_ words: inout Child.Words) throws {
    let place = try Place(&words)
    let journal = try place.open()
    let began = now()
    try journal.fold(through: journal.state.durable)
    say("\(now() - began)")
  }

  /// Says how many bytes the process has caused to be written for each byte that was appended and
  /// folded, once the journal has reached its limit.
  ///
  /// Further arguments: the journal's limit, write size.
  static func amplify(_ words: inout Child.Words) throws {
    var place = try Place(&words)
    let limit = try words.number()
    place.settings = StreamJournal.Settings(
      historySeconds: 3600,
      hardLimitByteCount: UInt64(limit),
      segmentByteCount: UInt64(limit / 16)
    )
    var maker = try RecordMaker(place, writeSize: words.number(), order: .permuted)
    let tended = TendedJournal(try place.openComplete(&maker))
    let process = ProcessFigures(identifier: getpid())
    var checkpoint: UInt64 = 0
    func turnOver() throws {
      for _ in 0..<32 {
        _ = try append(limit / 32, 1 << 20, &maker, tended)
        // Nothing after the last checkpoint is folded.
        checkpoint += 1
        try tended.mark(&maker, checkpoint)
        try tended.journal.enforceRetention(now: maker.time)
      }
      sync()
    }
    // The first time fills it, the second one begins to recycle.
    for _ in 0..<2 { try turnOver() }
    let before = try process.writtenByteCount
    for _ in 0..<2 { try turnOver() }
    let written = try process.writtenByteCount - before
    try tended.end()
    say("\(Double(written) / Double(2 * limit))")
  }

  /// Seconds of the appends alone.
  private static func append(
    _ byteCount: Int,
    _ batchSize: Int,
    _ maker: inout RecordMaker,
    _ tended: TendedJournal
  ) throws -> Double {
    var seconds = 0.0
    var rest = byteCount
    while rest > 0 {
      maker.makeBatch(min(batchSize, rest))
      rest -= batchSize
      let began = now()
      try tended.append(maker)
      seconds += now() - began
    }
    return seconds
  }

  /// Opens a point somewhere in the journal and reads from a random place.
  private static func readPoint(
    _ journal: StreamJournal,
    _ place: Place,
    _ generator: inout Generator
  ) throws {
    let state = journal.state
    let span = Int(state.durable.rawValue - state.folded.rawValue)
    let point = SequenceNumber(state.folded.rawValue + UInt64(generator.next(below: span + 1)))
    let hold = try journal.hold(point)
    defer { journal.release(hold) }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
    defer { bytes.deallocate() }
    let offset = UInt64(generator.next(below: place.volumeByteCount / 4096)) * 4096
    try journal.read(volume: 0, at: offset, into: bytes, asOf: point)
  }

  /// A journal's files.
  struct Place {
    let folder: String
    let replica: String
    let volumeByteCount: Int
    var settings = StreamJournal.Settings(
      historySeconds: 86_400 * 365,
      hardLimitByteCount: 1 << 50
    )

    init(_ words: inout Child.Words) throws {
      folder = try words.next()
      replica = try words.next()
      volumeByteCount = try words.number()
    }

    func open() throws -> StreamJournal {
      try StreamJournal(
        stream: JournalChild.stream,
        folder: FileFolder(path: folder),
        replicas: [File(path: replica, creating: true)],
        volumeSizes: [UInt64(volumeByteCount)],
        settings: settings
      )
    }

    /// Opens the journal and ends its first sync, if that has not happened yet.
    fileprivate func openComplete(_ maker: inout RecordMaker) throws -> StreamJournal {
      let journal = try open()
      maker.sequence = journal.state.durable.next
      if !journal.state.isComplete {
        try journal.append(maker.firstSync(), payload: UnsafeRawBufferPointer(start: nil, count: 0))
      }
      return journal
    }
  }
}
