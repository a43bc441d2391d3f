// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal
package import Logging
package import RecoveryModel
package import ReplicationTransport
internal import Synchronization

/// All journals of an appliance.
///
/// Their folders say everything: a restarted appliance opens them by itself.
///
/// The methods block for as long as their disk work takes, a promotion for as long as the fold.
package final class JournalRegistry: Sendable {
  static let recordName = "request.json"

  let folder: FileFolder
  let owner: ApplianceIdentifier
  let logger: Logger
  let keepers = Mutex<[StreamIdentifier: JournalKeeper]>([:])
  /// Journals are made, changed, deleted, handed over and moved one at a time.
  let changes = Mutex<Void>(())
  /// Whether a journal's files are being copied.
  let copying = Mutex(false)

  /// Finds or makes the folder; no journal is open yet.
  ///
  /// - Parameters:
  ///   - stateFolder: Its folder `journals` has a folder for each journal: with the journal, or
  ///     with the name of the datastore's folder where it is.
  ///   - owner: The appliance, as it is called at its site.
  ///   - logger: What cannot be told to anybody who asked goes here.
  /// - Throws: If the folder cannot be made.
  package init(stateFolder: String, owner: ApplianceIdentifier, logger: Logger) throws {
    self.owner = owner
    folder = try FileFolder(path: stateFolder + "/journals")
    self.logger = logger
  }

  /// Opens every journal.
  ///
  /// One that cannot be opened is there all the same and says why in its status. Nothing is folded
  /// before ``start()``, so that exports can hold their points first.
  package func open() throws {
    for name in try folder.list() {
      let place = try FileFolder(path: folder.path + "/" + name)
      let file = JSONFile<JournalRecord>(folder: place, name: Self.recordName)
      guard let record = try file.load() else {
        try discard(place)
        continue
      }
      let keeper = keeper(of: StreamIdentifier(name), place, record)
      if record.passage == .leaving {
        do { try leave(keeper) } catch {
          logger.error("a journal cannot be left: \(words(error))", metadata: ["stream": "\(name)"])
        }
        continue
      }
      if let keepsReplicas = record.deletionKeepsReplicas {
        try erase(keeper, keepsReplicas: keepsReplicas)
        continue
      }
      do { try keeper.open() } catch {
        logger.error(
          "a journal cannot be opened: \(words(error))",
          metadata: ["stream": "\(name)"]
        )
      }
      keepers.withLock { $0[keeper.stream] = keeper }
    }
  }

  /// A folder without a record is what is left of a deletion, unless there is a journal in it.
  private func discard(_ place: FileFolder) throws {
    guard try !place.list().contains("state") else {
      return logger.error("\(place.path) holds a journal but no \(Self.recordName)")
    }
    try FileManager.default.removeItem(atPath: place.path)
  }

  /// Begins to take streams and to shorten histories.
  package func start() throws {
    for keeper in all {
      try keeper.start()
      follow(keeper)
    }
  }

  /// Ends all sessions and waits for what is being written.
  package func stop() {
    // What is under way may still put another keeper in place.
    for keeper in all { keeper.endMove() }
    for keeper in all { keeper.stop() }
  }

  /// Makes a journal, or changes the one there is.
  ///
  /// If journal or replicas are to be at other places, they are moved after the answer.
  package func put(_ stream: StreamIdentifier, _ request: JournalRequest) throws {
    try changes.withLock { _ in
      try failing {
        if let keeper = keeper(stream) {
          return try change(keeper, to: request)
        }
        try Self.check(stream, request)
        let place = try FileFolder(path: folder.path + "/" + stream.rawValue)
        try refuseReplicasInUse(request)
        var record = JournalRecord(request: request)
        record.images = try request.volumes.compactMap { try ReplicaImage($0)?.path }
        if request.journalFolder != nil { record.passage = .making }
        let keeper = keeper(of: stream, place, record)
        try keeper.change { _ in }
        do { try keeper.open() } catch {
          // Nothing was kept in it yet.
          try? keeper.place?.erase()
          try? FileManager.default.removeItem(atPath: place.path)
          throw error
        }
        keepers.withLock { $0[stream] = keeper }
        try keeper.start()
      }
    }
  }

  private func change(_ keeper: JournalKeeper, to wish: JournalRequest) throws {
    try Self.check(keeper.stream, wish)
    let before = keeper.monitor.withLock { keeper.record.request }
    let request = wish.keepingReplicas(of: before)
    let places = JournalPlaces(request)
    let isGoingThere = places == keeper.destination ?? JournalPlaces(before)
    if !isGoingThere || request.volumes.map(\.byteCount) != before.volumes.map(\.byteCount) {
      keeper.endMove()
    }
    defer { follow(keeper) }
    try keeper.update(request)
    try keeper.start()
    if !isGoingThere {
      try refuseReplicasInUse(request, of: keeper.stream)
      try keeper.setDestination(places)
    }
  }

  /// Deletes a journal, and unless they are to be kept its replicas.
  ///
  /// One that is gone is fine.
  ///
  /// - Throws: 409 while an export of it is open.
  package func delete(_ stream: StreamIdentifier, keepReplica: Bool) throws {
    try changes.withLock { _ in
      try failing {
        guard let keeper = keeper(stream) else { return }
        keeper.endMove()
        do { try refuseWhileRead(keeper) } catch {
          follow(keeper)
          throw error
        }
        let isComplete = (try? keeper.opened())?.state.isComplete == true
        try keeper.change {
          $0.deletionKeepsReplicas = keepReplica
          if isComplete { $0.images = nil }
        }
        keeper.stop()
        keepers.withLock { $0[stream] = nil }
        try erase(keeper, keepsReplicas: keepReplica)
      }
    }
  }

  package func accept(_ stream: StreamIdentifier, _ request: AcceptRequest) throws {
    try changes.withLock { _ in
      try failing { try known(stream).accept(request.isAccepting) }
    }
  }

  package func promote(_ stream: StreamIdentifier, _ request: PromoteRequest) throws {
    try failing {
      // The replicas become disks where they are.
      try known(stream).endMove()
      let keeper = try known(stream)
      defer { follow(keeper) }
      try keeper.promote(request.checkpoint)
      try keeper.change { $0.destination = nil }
    }
  }

  /// The checkpoints that are durable in a journal and can be recovered to, oldest first.
  package func checkpoints(of stream: StreamIdentifier) throws -> [Checkpoint] {
    try failing { try known(stream).opened().checkpoints() }
  }

  /// How every journal stands, by stream.
  package var statuses: [JournalStatus] { all.map(\.status) }

  /// Who takes a stream that comes from a site; nil if this appliance has no journal of it.
  package func sink(
    for stream: StreamIdentifier,
    from site: SiteIdentifier
  ) -> (any StreamSink)? {
    guard let keeper = keeper(stream),
      keeper.monitor.withLock({ keeper.record.request.sourceSite }) == site
    else { return nil }
    return keeper
  }

  func known(_ stream: StreamIdentifier) throws -> JournalKeeper {
    guard let keeper = keeper(stream) else {
      throw ControlFailure(status: 404, message: "there is no journal of stream \(stream)")
    }
    return keeper
  }

  func keeper(_ stream: StreamIdentifier) -> JournalKeeper? { keepers.withLock { $0[stream] } }

  /// A keeper that has opened nothing yet.
  func keeper(
    of stream: StreamIdentifier,
    _ home: FileFolder,
    _ record: JournalRecord
  ) -> JournalKeeper {
    JournalKeeper(stream: stream, home: home, record: record, owner: owner, logger: logger)
  }

  private var all: [JournalKeeper] {
    keepers.withLock { $0.values.sorted { $0.stream < $1.stream } }
  }

  func refuseWhileRead(_ keeper: JournalKeeper) throws {
    guard let journal = try? keeper.opened(), journal.statistics.holdCount > 0 else { return }
    throw ControlFailure(status: 409, message: "an export of the journal is open")
  }

  static func check(_ stream: StreamIdentifier, _ request: JournalRequest) throws {
    let present = request.volumes.filter { $0.byteCount > 0 }
    // The stream names a folder and a word of the state file.
    let isName = stream.rawValue.utf8.allSatisfy {
      $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
    }
    guard isName, (1...64).contains(stream.rawValue.utf8.count), !request.volumes.isEmpty,
      request.volumes.count <= VolumeSizes.limit,
      request.volumes.contains(where: { $0.byteCount > 0 }),
      request.volumes.allSatisfy({ $0.replicaPath.hasPrefix("/") }),
      request.journalFolder?.hasPrefix("/") ?? true,
      Set(request.volumes.map(\.replicaPath)).count == request.volumes.count,
      Set(present.map(\.identifier)).count == present.count,
      request.historyInSeconds > 0, request.hardLimitInBytes > 0
    else {
      throw ControlFailure(
        status: 400,
        message: "the journal's stream, volumes or limits are not valid"
      )
    }
  }

  /// No file is the replica of two disks.
  func refuseReplicasInUse(
    _ request: JournalRequest,
    of stream: StreamIdentifier? = nil
  ) throws {
    let wanted = Set(request.volumes.map(\.replicaPath))
    for keeper in all where keeper.stream != stream {
      for path in keeper.replicaPaths where wanted.contains(path) {
        throw ControlFailure(
          status: 409,
          message: "\(path) is a replica of stream \(keeper.stream) already"
        )
      }
    }
  }

  /// Removes everything; the record, which says how, goes last.
  private func erase(_ keeper: JournalKeeper, keepsReplicas: Bool) throws {
    try keeper.clearStrays()
    let record = keeper.monitor.withLock { keeper.record }
    // Replicas of disks that were taken away are of no use to anybody.
    for volume in record.request.volumes
    where (!keepsReplicas || volume.byteCount == 0)
      && record.images?.contains(volume.replicaPath) != true
    {
      guard unlink(volume.replicaPath) != 0, errno != ENOENT else { continue }
      throw StorageError.failed(operation: "unlink", file: volume.replicaPath, code: errno)
    }
    try keeper.place?.erase()
    for name in try keeper.home.list() where name != Self.recordName {
      try keeper.home.remove(name)
    }
    try FileManager.default.removeItem(atPath: keeper.home.path)
    try folder.sync()
  }

  /// Turns what the layers below throw into what a control port answers.
  func failing<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as ControlFailure {
      throw error
    } catch let error as JournalError {
      throw error.failure
    } catch {
      throw ControlFailure(status: 500, message: words(error))
    }
  }
}
