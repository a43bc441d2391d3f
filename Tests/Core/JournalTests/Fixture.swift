// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Journal
import RecoveryModel
import Simulation
import Synchronization

/// A disk, a recording, and the journal on the one that is to agree with the other.
struct Fixture {
  let disk: FaultyDisk
  var recording: Recording
  var settings = StreamJournal.Settings(
    historySeconds: 3600,
    hardLimitByteCount: 1 << 30,
    segmentByteCount: 1 << 16
  )

  /// Salts that never come twice, from the seed.
  let salts: @Sendable () -> UInt64

  init(seed: UInt64 = 1, volumeSizes: [Int] = [150_000, 66_000]) {
    disk = FaultyDisk(seed: seed)
    let generator = Mutex(SeededGenerator(seed: seed &+ 77))
    salts = { generator.withLock { $0.next() } }
    recording = Recording(volumeSizes: volumeSizes)
  }

  func open(stream: String = "3b8a1f7e-0000-4000-8000-000000000001") throws(JournalError)
    -> StreamJournal
  {
    let replicas: [any StorageFile]
    do throws(StorageError) {
      var files: [any StorageFile] = []
      for index in recording.volumeSizes.indices {
        files.append(try disk.folder("replicas").open("\(index).raw", creating: true))
      }
      try disk.folder("replicas").sync()
      replicas = files
    } catch { throw .storage(error) }
    return try StreamJournal(
      stream: StreamIdentifier(stream),
      folder: disk.folder("journal"),
      replicas: replicas,
      volumeSizes: recording.volumeSizes.map { UInt64($0) },
      settings: settings,
      salts: salts
    )
  }

  /// A journal whose first sync has ended, over volumes of zeroes.
  mutating func openCompleted() throws -> StreamJournal {
    let journal = try open()
    try journal.append([recording.syncBegan(1), recording.syncEnded()])
    return journal
  }

  /// The names of the segments, oldest first.
  var segmentNames: [String] {
    ((try? disk.folder("journal").list()) ?? []).filter { $0.hasSuffix(".journal") }.sorted()
  }

  var replicas: [[UInt8]] {
    recording.volumeSizes.indices.map { disk.content("replicas/\($0).raw") }
  }

  /// The first difference between a point of the journal and the recording; nil if there is none.
  func difference(_ journal: StreamJournal, asOf sequence: SequenceNumber) throws -> String? {
    let expected = recording.content(asOf: sequence)
    for (volume, content) in expected.enumerated() {
      let found = try journal.content(volume, count: content.count, asOf: sequence)
      if !found.hasSameBytes(as: content) {
        let place = zip(found, content).enumerated().first { $1.0 != $1.1 }?.offset ?? -1
        return "volume \(volume) differs at \(place) as of \(sequence.rawValue)"
      }
    }
    return nil
  }
}

extension [UInt8] {
  /// What `==` says, without taking a long time over it in a debug build.
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
