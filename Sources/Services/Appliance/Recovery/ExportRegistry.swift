// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal
package import Logging
package import RecoveryModel
internal import Synchronization

/// The point-in-time exports of an appliance.
///
/// They are there again, on the same sockets and with the same overlays, after a restart.
///
/// The methods block for as long as their disk work takes.
package final class ExportRegistry: Sendable {
  private struct Entry {
    var record: ExportRecord
    /// Nil if it could not be opened again.
    var export: OpenExport?
  }

  private let journals: JournalRegistry
  private let folder: FileFolder
  private let runFolder: String
  private let sockets: SocketAccess
  private let logger: Logger
  private let entries = Mutex<[ExportIdentifier: Entry]>([:])
  /// Exports are opened and closed one at a time.
  private let changes = Mutex<Void>(())

  /// Finds or makes the folders; no export is open yet.
  ///
  /// - Parameters:
  ///   - journals: What the exports are of.
  ///   - stateFolder: The exports are kept in its folder `exports`.
  ///   - runFolder: Where the sockets are made; at most 70 bytes long.
  ///   - sockets: Who may connect.
  ///   - logger: What cannot be told to anybody who asked goes here.
  /// - Throws: If a folder cannot be made.
  package init(
    journals: JournalRegistry,
    stateFolder: String,
    runFolder: String,
    sockets: SocketAccess = .own,
    logger: Logger
  ) throws {
    self.journals = journals
    folder = try FileFolder(path: stateFolder + "/exports")
    self.runFolder = try FileFolder(path: runFolder).path
    self.sockets = sockets
    self.logger = logger
  }

  /// Opens the exports there were.
  ///
  /// One that cannot be opened is logged, and tried again when it is asked for. Call it after
  /// ``JournalRegistry/open()`` and before ``JournalRegistry/start()``.
  package func open() throws {
    for name in try folder.list() where name.hasSuffix(".json") {
      guard let record = try JSONFile<ExportRecord>(folder: folder, name: name).load() else {
        continue
      }
      var entry = Entry(record: record, export: nil)
      do { entry.export = try serve(record) } catch {
        logger.error(
          "an export cannot be opened again: \(words(error))",
          metadata: ["export": "\(record.identifier)"]
        )
      }
      entries.withLock { $0[record.identifier] = entry }
    }
  }

  /// Serves nobody any more.
  ///
  /// The exports are there again after a restart.
  package func stop() {
    let open = entries.withLock { entries in
      defer { entries = [:] }
      return entries.values.compactMap(\.export)
    }
    for export in open { export.close() }
  }

  package var identifiers: [ExportIdentifier] { entries.withLock { $0.keys.sorted() } }

  /// The overlays of every stream's exports, with the room they take.
  package var overlays: [StreamIdentifier: [JournalStatus.File]] {
    var found: [StreamIdentifier: [JournalStatus.File]] = [:]
    for export in statuses {
      for volume in export.reply.volumes where !volume.overlayPath.isEmpty {
        // An overlay that was not made yet, or is gone, takes nothing.
        guard let file = try? File(path: volume.overlayPath, creating: false),
          let byteCount = try? file.allocatedByteCount()
        else { continue }
        found[export.request.stream, default: []].append(
          JournalStatus.File(
            kind: .overlay,
            name: volume.identifier.rawValue,
            path: volume.overlayPath,
            byteCount: byteCount
          )
        )
      }
    }
    return found
  }

  /// How every export stands, by identifier.
  package var statuses: [ExportStatus] {
    entries.withLock { entries in
      entries.sorted { $0.key < $1.key }.map { identifier, entry in
        ExportStatus(
          identifier: identifier,
          request: entry.record.request,
          reply: entry.record.reply,
          isServed: entry.export != nil
        )
      }
    }
  }

  /// Opens an export, or finds it open.
  package func put(
    _ identifier: ExportIdentifier,
    _ request: ExportRequest
  ) throws -> ExportReply {
    try changes.withLock { _ in
      try failing {
        var entry = try entry(identifier, request)
        let isNew = entries.withLock { $0[identifier] == nil }
        let file = file(identifier)
        // The record comes first: what is made from here on is found and deleted by it.
        if isNew { try file.save(entry.record) }
        do {
          if entry.export == nil { entry.export = try serve(entry.record) }
          if let folder = request.overlayFolder { _ = try FileFolder(path: folder) }
          for image in Self.overlays(entry.record) { try image.make() }
        } catch {
          if isNew {
            entry.export?.close()
            for image in Self.overlays(entry.record) { try? image.remove() }
            if let folder = request.overlayFolder { rmdir(folder) }
            try? file.remove()
          }
          throw error
        }
        let opened = entry
        entries.withLock { $0[identifier] = opened }
        return entry.record.reply
      }
    }
  }

  /// Closes an export and deletes its overlays.
  ///
  /// One that is gone is fine.
  package func delete(_ identifier: ExportIdentifier) throws {
    try changes.withLock { _ in
      try failing {
        guard let entry = entries.withLock({ $0[identifier] }) else { return }
        for image in Self.adoptionOverlays(entry.record) + Self.overlays(entry.record) {
          try image.remove()
        }
        // Stays if something else is in it.
        if let overlayFolder = entry.record.request.overlayFolder { rmdir(overlayFolder) }
        try file(identifier).remove()
        entries.withLock { $0[identifier] = nil }
        entry.export?.close()
      }
    }
  }

  /// Makes the overlays on the replicas through which a VM on the export gets to them.
  ///
  /// The replicas have the size they are to keep: the journal is promoted. Overlays that are there
  /// stay, since the VM may be on its way; they go with the export.
  package func prepareAdoption(of identifier: ExportIdentifier) throws {
    try changes.withLock { _ in
      try failing {
        guard let entry = entries.withLock({ $0[identifier] }) else {
          throw ControlFailure(status: 404, message: "there is no export \(identifier)")
        }
        for image in Self.adoptionOverlays(entry.record) { try image.make() }
      }
    }
  }

  // MARK: Reading

  /// A disk of an open export.
  ///
  /// - Throws: 404 if there is no such export or disk, 409 if it could not be opened again.
  func disk(_ volume: VolumeIdentifier, of export: ExportIdentifier) throws -> PointInTimeDisk {
    guard let disk = try disks(of: export)[volume] else {
      throw ControlFailure(status: 404, message: "export \(export) has no disk \(volume)")
    }
    return disk
  }

  /// Bytes of each disk that are not known to be zero.
  package func dataByteCounts(
    of export: ExportIdentifier
  ) throws -> [VolumeIdentifier: UInt64] {
    try failing { try disks(of: export).mapValues { try $0.dataByteCount() } }
  }

  private func disks(
    of export: ExportIdentifier
  ) throws -> [VolumeIdentifier: PointInTimeDisk] {
    guard let entry = entries.withLock({ $0[export] }) else {
      throw ControlFailure(status: 404, message: "there is no export \(export)")
    }
    guard let open = entry.export else {
      throw ControlFailure(status: 409, message: "export \(export) cannot be read now")
    }
    return open.disks
  }

  // MARK: Parts

  private func file(_ identifier: ExportIdentifier) -> JSONFile<ExportRecord> {
    JSONFile(folder: folder, name: "\(identifier).json")
  }

  private func serve(_ record: ExportRecord) throws -> OpenExport {
    let keeper = try journals.known(record.request.stream)
    let export = try OpenExport(record, of: keeper, logger: logger)
    do { try sockets.admit(to: record.reply.socketPath) } catch {
      export.close()
      throw error
    }
    return export
  }

  /// The entry there is, if it is of the same request, or a new one.
  private func entry(
    _ identifier: ExportIdentifier,
    _ request: ExportRequest
  ) throws -> Entry {
    if let entry = entries.withLock({ $0[identifier] }) {
      guard entry.record.request == request else {
        throw ControlFailure(status: 409, message: "export \(identifier) is of another point")
      }
      return entry
    }
    let name = identifier.rawValue.utf8
    guard (1...64).contains(name.count), !name.contains(UInt8(ascii: "/")),
      request.overlayFolder?.hasPrefix("/") ?? true
    else {
      throw ControlFailure(status: 400, message: "the export's name or folder is not valid")
    }
    let keeper = try journals.known(request.stream)
    let journal = try keeper.opened()
    let point = try journal.record(at: request.point)
    let sizes = journal.volumes(at: point)
    let volumes = keeper.volumes
    let reply = ExportReply(
      socketPath: socketPath(identifier),
      sequence: point,
      time: try journal.pointTime(of: point),
      volumes: sizes.present.map { number in
        let volume = volumes[number]
        return ExportReply.Volume(
          identifier: volume.identifier,
          target: volume.target,
          overlayPath: request.overlayFolder
            .map { "\($0)/\(volume.target)-\(identifier).qcow2" } ?? "",
          replicaPath: volume.replicaPath
        )
      }
    )
    let record = ExportRecord(identifier: identifier, request: request, reply: reply)
    return Entry(record: record, export: nil)
  }

  /// The same for the same export, and short: a socket's path has little room.
  private func socketPath(_ identifier: ExportIdentifier) -> String {
    let hash = identifier.rawValue.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    return "\(runFolder)/export-\(String(hash, radix: 16)).sock"
  }

  private static func overlays(_ record: ExportRecord) -> [OverlayImage] {
    guard record.request.overlayFolder != nil else { return [] }
    return record.reply.volumes.map { volume in
      OverlayImage(
        path: volume.overlayPath,
        exportName: volume.identifier.rawValue,
        socketPath: record.reply.socketPath
      )
    }
  }

  private static func adoptionOverlays(_ record: ExportRecord) -> [OverlayImage] {
    guard record.request.overlayFolder != nil else { return [] }
    return record.reply.volumes.map {
      OverlayImage(path: $0.adoptionPath, replicaPath: $0.replicaPath)
    }
  }

  /// Turns what the layers below throw into what a control port answers.
  private func failing<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as ControlFailure {
      throw error
    } catch let error as JournalError {
      throw error.failure
    } catch {
      throw ControlFailure(status: 500, message: words(error))
    }
  }
}

extension StreamJournal {
  /// The record an export is of, if the disks ever were as it says.
  func record(at point: ExportPoint) throws(JournalError) -> SequenceNumber {
    guard state.isComplete else { throw .incomplete }
    let found: SequenceNumber
    switch point {
    case .checkpoint(let checkpoint):
      guard let record = sequence(of: checkpoint) else { throw .unknownCheckpoint(checkpoint) }
      found = record
    case .sequence(let record): found = record
    case .time(let time):
      guard let record = try sequence(at: time) else { throw .pointGone(SequenceNumber(0)) }
      found = record
    }
    try validate(found)
    return found
  }
}
