// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal
internal import RecoveryModel
internal import ReplicationTransport

// Where journal and replicas are, and where they are to be.

extension JournalKeeper {
  /// Where they are.
  var places: JournalPlaces { monitor.withLock { JournalPlaces(record.request) } }

  /// Where they are to be; nil if that is where they are.
  var destination: JournalPlaces? { monitor.withLock { record.destination } }

  /// Every file that is a replica of the stream, is to be one, or was.
  var replicaPaths: [String] {
    monitor.withLock {
      record.request.volumes.map(\.replicaPath) + (record.destination?.replicas ?? [])
        + (record.strays?.replicas ?? [])
    }
  }

  /// Makes other places the ones where journal and replicas are to be, if they can be there.
  ///
  /// - Throws: 409 if there is no room, or something is there already.
  func setDestination(_ wish: JournalPlaces) throws {
    let current = places
    let new = wish == current ? nil : wish
    guard new != destination else { return }
    if let new { try check(new) }
    try change { $0.destination = new }
  }

  private func check(_ new: JournalPlaces) throws {
    guard try !opened().state.isPromoted else { throw JournalError.promoted }
    let request = monitor.withLock { record.request }
    var room = JournalRoom()
    for (volume, path) in zip(request.volumes, new.replicas) where volume.replicaPath != path {
      let file = try File(path: volume.replicaPath, creating: false)
      let isThick = volume.isThick ?? false
      let byteCount = try isThick ? file.byteCount() : file.allocatedByteCount()
      try room.add(volume.replicaPath, byteCount: byteCount, to: path)
      try refuse(path)
    }
    if request.journalFolder != new.journalFolder {
      let byteCount = try opened().statistics.journalByteCount
      let folder = new.journalFolder ?? home.path
      try room.add(self.folder.path + "/state", byteCount: byteCount, to: folder + "/state")
      if new.journalFolder != nil { try refuse(folder) }
    }
    try room.check()
  }

  private func refuse(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    throw ControlFailure(status: 409, message: "there is something at \(path) already")
  }

  /// Deletes what is neither journal nor replica.
  func clearStrays() throws {
    guard let strays = monitor.withLock({ record.strays }) else { return }
    for path in strays.replicas {
      for path in [path, DiskCopy.temporaryPath(path)] where unlink(path) != 0 && errno != ENOENT {
        throw StorageError.failed(operation: "unlink", file: path, code: errno)
      }
    }
    if let journal = strays.journal {
      if let folder = journal.folder {
        try JournalPlace(path: folder, owner: owner).erase()
      } else {
        for name in try home.list() where !name.hasPrefix(JournalRegistry.recordName) {
          try home.remove(name)
        }
      }
    }
    try change { $0.strays = nil }
  }

  /// Ends the move that is under way; the destination stays what it is.
  func endMove() {
    let ending = monitor.withLock {
      defer { move = nil }
      return move
    }
    ending?.end()
  }
}
