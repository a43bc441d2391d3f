// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Dispatch
internal import Foundation
package import RecoveryModel
internal import Restic
internal import Synchronization

/// Copies of disks of point-in-time exports, into repositories of restic.
///
/// They are made one after the other. A copy under way is forgotten when the appliance ends; asked
/// for again, it begins anew, which costs reading the disk but no room.
package final class DiskArchives: Sendable {
  private struct Entry: Sendable {
    var request: ArchiveRequest
    var byteCount: UInt64
    var job: DiskJob<ResticBackup>

    var reply: ArchiveReply {
      let backup = job.outcome
      return ArchiveReply(
        doneByteCount: job.byteCount,
        byteCount: byteCount,
        snapshot: backup?.snapshot,
        addedByteCount: backup?.addedByteCount ?? 0,
        failure: job.failure
      )
    }
  }

  private let exports: ExportRegistry
  private let cacheFolder: String
  private let queue = DispatchQueue(label: "understudy.archives")
  private let archives = Mutex<[CopyIdentifier: Entry]>([:])

  /// `cacheFolder` is restic's.
  package init(exports: ExportRegistry, cacheFolder: String) {
    self.exports = exports
    self.cacheFolder = cacheFolder
  }

  /// Begins a copy, or finds it begun or ended.
  ///
  /// - Throws: 400 if repository, name, host or a tag cannot be one, 404 if there is no such export
  ///   or disk, 409 for a copy of that name of something else.
  package func put(
    _ identifier: CopyIdentifier,
    _ request: ArchiveRequest
  ) throws -> ArchiveReply {
    if let entry = archives.withLock({ $0[identifier] }) {
      return try reply(of: entry, to: request)
    }
    let repository = try request.repository.restic(cacheFolder: cacheFolder)
    try Self.check(request)
    let disk = try exports.disk(request.volume, of: request.export)
    let entry = Entry(
      request: request,
      byteCount: disk.byteCount,
      job: DiskJob { try Self.backUp(disk, request, to: repository, $0) }
    )
    let other = archives.withLock { archives -> Entry? in
      if let other = archives[identifier] { return other }
      archives[identifier] = entry
      return nil
    }
    if let other { return try reply(of: other, to: request) }
    queue.async { entry.job.run() }
    return entry.reply
  }

  /// Ends a copy and forgets how it ended; what is gone is fine, and what is in the repository
  /// stays there.
  package func delete(_ identifier: CopyIdentifier) {
    archives.withLock { $0[identifier] }?.job.end()
    archives.withLock { $0[identifier] = nil }
  }

  /// Ends everything that is under way.
  package func stop() {
    let open = archives.withLock { archives in
      defer { archives = [:] }
      return archives.values.map { $0 }
    }
    for archive in open { archive.job.end() }
  }

  private func reply(of entry: Entry, to request: ArchiveRequest) throws -> ArchiveReply {
    guard entry.request == request else {
      throw ControlFailure(status: 409, message: "the copy is of another disk or to another place")
    }
    return entry.reply
  }

  private static func backUp(
    _ disk: PointInTimeDisk,
    _ request: ArchiveRequest,
    to repository: ResticRepository,
    _ job: DiskJob<ResticBackup>
  ) throws -> ResticBackup {
    let zeroes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: DiskCopy.pieceByteCount,
      alignment: 16
    )
    defer { zeroes.deallocate() }
    zeroes.initializeMemory(as: UInt8.self, repeating: 0)
    return try repository.backUp(
      request.name,
      host: request.host,
      tags: request.tags,
      at: request.time.milliseconds / 1000,
      byteCount: disk.byteCount,
      isWanted: { job.isWanted }
    ) { send in
      try disk.forEachPiece(of: DiskCopy.pieceByteCount) { _, piece in
        switch piece {
        case .data(let bytes):
          try job.checkIsWanted()
          try send(bytes)
          job.count(bytes.count)
        case .zeroes(var rest):
          while rest > 0 {
            try job.checkIsWanted()
            let count = Int(min(rest, UInt64(zeroes.count)))
            try send(UnsafeRawBufferPointer(rebasing: zeroes[..<count]))
            job.count(count)
            rest -= UInt64(count)
          }
        }
      }
    }
  }

  /// restic takes a comma for the end of a tag, and a slash for a folder.
  private static func check(_ request: ArchiveRequest) throws {
    for word in [request.name, request.host] + request.tags {
      guard !word.isEmpty, word.utf8.count <= 200,
        word.unicodeScalars.allSatisfy({ $0.value > 32 && $0 != "," && $0 != "/" && $0 != "\u{7f}" }
        )
      else { throw ControlFailure(status: 400, message: "\"\(word)\" cannot be a name or a tag") }
    }
  }
}
