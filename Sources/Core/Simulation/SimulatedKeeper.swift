// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

/// One VM's journal at a receiving appliance, with the work that waits for its writer.
///
/// The journal and all work are gone when the process dies; the exports are there again.
final class SimulatedKeeper {
  /// Work for the writer, in the order it came.
  enum Work {
    case append(RecordBatch, SimulatedConnection)
    case hash(HashQuery, SimulatedConnection)
  }

  /// A point that a test or a restore reads.
  struct Export {
    let point: UInt64
    let checkpoint: Checkpoint
    let content: [[UInt8]]
    var token: HoldToken?
  }

  /// A fold for good.
  struct Promotion {
    let checkpoint: Checkpoint
    let content: [[UInt8]]
    var isDone = false
  }

  let vm: SimulatedVM
  var journal: StreamJournal?
  var session: SimulatedConnection?
  var queue: [Work] = []
  /// Until then no writes are taken.
  var refusesUntil: Int64 = 0
  var exports: [Export] = []
  /// The promotion that was asked for; it is asked for again until it is done.
  var promotion: Promotion?

  /// The sizes of the volumes it was told of, by number, which outlive a crash.
  private(set) var volumeSizes: [Int]

  init(vm: SimulatedVM) {
    self.vm = vm
    volumeSizes = Array(vm.volumeSizes[..<vm.volumeCount])
  }

  /// Opens the journal as the appliance does when it starts.
  func open(
    on disk: FaultyDisk,
    settings: StreamJournal.Settings,
    salts: @escaping @Sendable () -> UInt64
  ) throws(JournalError) {
    let replicas = disk.folder("replica\(vm.index)")
    let journal: StreamJournal
    var files: [any StorageFile] = []
    do throws(StorageError) {
      // A new journal gets replicas of the right size, durably; see JournalKeeper.
      let isNew = try !disk.folder("journal\(vm.index)").list().contains("state")
      for (volume, size) in volumeSizes.enumerated() {
        let file = try replicas.open("\(volume).raw", creating: true)
        if isNew {
          try file.resize(to: UInt64(size))
          try file.sync()
        }
        files.append(file)
      }
      try replicas.sync()
    } catch { throw .storage(error) }
    journal = try StreamJournal(
      stream: vm.stream,
      folder: disk.folder("journal\(vm.index)"),
      replicas: files,
      volumeSizes: volumeSizes.map { UInt64($0) },
      settings: settings,
      salts: salts
    )
    for index in exports.indices {
      exports[index].token = try journal.hold(SequenceNumber(exports[index].point))
    }
    self.journal = journal
  }

  /// Takes a request with other volumes: makes replicas, and room in those there are.
  func provide(_ sizes: [Int], on disk: FaultyDisk) throws(JournalError) {
    let replicas = disk.folder("replica\(vm.index)")
    var files: [any StorageFile] = []
    do throws(StorageError) {
      for (volume, size) in sizes.enumerated() {
        let file = try replicas.open("\(volume).raw", creating: true)
        if try file.byteCount() < UInt64(size) {
          try file.resize(to: UInt64(size))
          try file.sync()
        }
        files.append(file)
      }
      try replicas.sync()
    } catch { throw .storage(error) }
    try journal?.provide(files)
    volumeSizes = sizes
  }

  /// Whether content waits to be written.
  var hasPayloadWaiting: Bool {
    queue.contains {
      if case .append(let batch, _) = $0 { batch.payloadByteCount > 0 } else { false }
    }
  }

  /// The process is gone.
  func die() {
    journal = nil
    queue = []
    session = nil
    for index in exports.indices { exports[index].token = nil }
  }

  /// Ends the session, which the sender notices after it has read what was sent before.
  func endSession() {
    session?.isReceiverThere = false
    session = nil
    queue = []
  }
}

/// An appliance that keeps journals.
final class ReceivingAppliance {
  let disk: FaultyDisk
  var clockOffset: Int64 = 0
  var isUp = true
  /// No new process before then.
  var restartAt: Int64 = 0
  /// Its machine fails then, a while after its process did.
  var powerFailsAt = Int64.max
  /// Until then its disk is full, if it is.
  var fullUntil: Int64 = 0

  init(disk: FaultyDisk) { self.disk = disk }
}
