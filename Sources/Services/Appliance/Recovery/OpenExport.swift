// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Journal
internal import Logging
internal import NBDTransport
internal import RecoveryModel

/// What an appliance keeps of an export, to open it again after a restart: `<export>.json`.
struct ExportRecord: Codable, Sendable, Equatable {
  var identifier: ExportIdentifier
  var request: ExportRequest
  var reply: ExportReply
}

/// An export that is being served, and the hold on its point.
final class OpenExport: Sendable {
  private let journal: StreamJournal
  private let hold: HoldToken
  private let server: NBDServer
  /// What is served, for readers that need no connection.
  let disks: [VolumeIdentifier: PointInTimeDisk]

  /// Holds the point and serves the volumes.
  init(_ record: ExportRecord, of keeper: JournalKeeper, logger: Logger) throws {
    let journal = try keeper.opened()
    let volumes = keeper.volumes
    let point = record.reply.sequence
    let hold = try journal.hold(point)
    let sizes = journal.volumes(at: point)
    do {
      var exports: [String: PointInTimeExport] = [:]
      var disks: [VolumeIdentifier: PointInTimeDisk] = [:]
      for number in sizes.present {
        let volume = volumes[number]
        let disk = PointInTimeDisk(
          journal: journal,
          volume: number,
          byteCount: sizes[number],
          point: point
        )
        disks[volume.identifier] = disk
        exports[volume.identifier.rawValue] = PointInTimeExport(disk, logger: logger)
      }
      self.disks = disks
      let served = exports
      server = try NBDServer(
        socketPath: record.reply.socketPath,
        names: { served.keys.sorted() },
        exports: { served[$0] }
      )
      try server.start()
    } catch {
      journal.release(hold)
      throw error
    }
    self.journal = journal
    self.hold = hold
  }

  /// Serves nobody any more and lets the point go.
  func close() {
    server.stop()
    journal.release(hold)
  }
}
