// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import FileStorage
internal import Foundation
package import RecoveryModel
internal import ReplicationTransport
internal import Synchronization

// A journal on a datastore goes from one appliance of a site to another, with all it holds: the
// one that has it closes it and gives it away, the other one takes it and opens it.

extension JournalRegistry {
  /// Closes a journal and leaves it to whichever appliance takes it; one that is gone is fine.
  ///
  /// - Throws: 409 if it is not on a datastore, or while an export of it is open.
  package func handOver(_ stream: StreamIdentifier) throws {
    try changes.withLock { _ in
      try failing {
        guard let keeper = keeper(stream) else { return }
        guard let place = keeper.place else {
          throw ControlFailure(
            status: 409,
            message: "the journal is in its appliance's own folder, where no other one finds it"
          )
        }
        keeper.endMove()
        do {
          try refuseWhileRead(keeper)
          try place.check()
          try keeper.change { ($0.passage, $0.destination) = (.leaving, nil) }
        } catch {
          follow(keeper)
          throw error
        }
        keeper.stop()
        keepers.withLock { $0[stream] = nil }
        try leave(keeper)
      }
    }
  }

  /// Gives a closed journal away; what is left here goes last.
  func leave(_ keeper: JournalKeeper) throws {
    var record = keeper.monitor.withLock { keeper.record }
    record.passage = nil
    try keeper.place?.release(record)
    try FileManager.default.removeItem(atPath: keeper.home.path)
    try folder.sync()
  }

  /// Takes a journal that another appliance gave away, and opens it; one that is here is changed as
  /// the request says.
  ///
  /// - Throws: 409 if it was not given away, or is not on the storage that this appliance sees.
  ///   Nothing was changed then, and another appliance can take it.
  package func takeOver(_ stream: StreamIdentifier, _ request: JournalRequest) throws {
    try changes.withLock { _ in
      try failing {
        try Self.check(stream, request)
        if let keeper = keeper(stream) {
          try keeper.update(request)
          return try keeper.start()
        }
        guard let path = request.journalFolder else {
          throw ControlFailure(status: 400, message: "the journal to be taken has no folder")
        }
        try refuseReplicasInUse(request)
        let place = JournalPlace(path: path, owner: owner)
        var record = try place.released() ?? JournalRecord(request: request)
        let before = record.request
        record.request = request.keepingReplicas(of: before)
        guard before.canBecome(record.request) else {
          throw ControlFailure(
            status: 409,
            message: "the journal in \(path) has its replicas at other places"
          )
        }
        record.passage = .coming
        let home = try FileFolder(path: folder.path + "/" + stream.rawValue)
        let keeper = keeper(of: stream, home, record)
        try keeper.change { _ in }
        do { try keeper.open() } catch {
          try? place.release(record)
          try? FileManager.default.removeItem(atPath: home.path)
          throw error
        }
        keepers.withLock { $0[stream] = keeper }
        try keeper.start()
      }
    }
  }
}
