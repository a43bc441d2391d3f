// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Dispatch
internal import Foundation
package import RecoveryModel
internal import Synchronization

/// Copies of disks, of point-in-time exports or of a repository, to files of their own.
///
/// They are made one after the other: several at once on one disk take longer together. A copy
/// under way is forgotten when the appliance ends; asked for again, it begins anew, and one that
/// was complete is found by its file.
///
/// The methods block for as long as a disk takes for one piece.
package final class DiskCopies: Sendable {
  /// What a copy is of.
  private enum Wish: Equatable {
    case copy(CopyRequest)
    case restore(RestoreRequest)
  }

  private struct Entry: Sendable {
    var wish: Wish
    var job: DiskJob<Void>

    var reply: CopyReply {
      CopyReply(
        copiedByteCount: job.byteCount,
        isComplete: job.outcome != nil,
        failure: job.failure
      )
    }
  }

  private let exports: ExportRegistry
  private let cacheFolder: String
  private let copyQueue = DispatchQueue(label: "understudy.copies")
  /// A repository may be slow, and no clone waits for it.
  private let restoreQueue = DispatchQueue(label: "understudy.restores")
  private let copies = Mutex<[CopyIdentifier: Entry]>([:])

  /// `cacheFolder` is restic's.
  package init(exports: ExportRegistry, cacheFolder: String) {
    self.exports = exports
    self.cacheFolder = cacheFolder
  }

  /// Begins a copy, or finds it begun.
  ///
  /// - Throws: 400 if the folder is no place for it, 404 if there is no such export or disk, 409
  ///   for a copy of that name of something else.
  package func put(_ identifier: CopyIdentifier, _ request: CopyRequest) throws -> CopyReply {
    try put(identifier, .copy(request), in: request.folder, on: copyQueue) {
      .point(try exports.disk(request.volume, of: request.export))
    }
  }

  /// Begins to write a disk of a repository to a file, or finds it begun.
  ///
  /// - Throws: 400 if the folder is no place for it or the repository none, 409 for a copy of that
  ///   name of something else.
  package func put(_ identifier: CopyIdentifier, _ request: RestoreRequest) throws -> CopyReply {
    try put(identifier, .restore(request), in: request.folder, on: restoreQueue) {
      .archive(try request.repository.restic(cacheFolder: cacheFolder), request)
    }
  }

  private func put(
    _ identifier: CopyIdentifier,
    _ wish: Wish,
    in folder: String,
    on queue: DispatchQueue,
    from source: () throws -> DiskCopy.Source
  ) throws -> CopyReply {
    try Self.check(folder)
    if let entry = copies.withLock({ $0[identifier] }) {
      guard entry.wish == wish else {
        throw ControlFailure(status: 409, message: "copy \(identifier) is of another disk")
      }
      return entry.reply
    }
    let path = identifier.path(in: folder)
    if FileManager.default.fileExists(atPath: path) { return CopyReply(isComplete: true) }
    let copy = DiskCopy(source: try source(), folder: folder, path: path)
    let entry = Entry(wish: wish, job: DiskJob(copy.make))
    let other = copies.withLock { copies -> Entry? in
      if let other = copies[identifier] { return other }
      copies[identifier] = entry
      return nil
    }
    if let other { return other.reply }
    queue.async { entry.job.run() }
    return entry.reply
  }

  /// Ends a copy and deletes its file, and the folder if nothing else is in it.
  ///
  /// What is gone is fine.
  package func delete(_ identifier: CopyIdentifier, in folder: String) throws {
    try Self.check(folder)
    copies.withLock { $0[identifier] }?.job.end()
    let path = identifier.path(in: folder)
    for path in [DiskCopy.temporaryPath(path), path] where unlink(path) != 0 && errno != ENOENT {
      throw ControlFailure(
        status: 500,
        message: "cannot delete \(path): \(String(cString: strerror(errno)))"
      )
    }
    rmdir(folder)
    copies.withLock { $0[identifier] = nil }
  }

  /// Ends everything that is under way.
  package func stop() {
    let open = copies.withLock { copies in
      defer { copies = [:] }
      return copies.values.map { $0 }
    }
    for copy in open { copy.job.end() }
  }

  private static func check(_ folder: String) throws {
    guard folder.hasPrefix("/"), !folder.split(separator: "/").contains("..") else {
      throw ControlFailure(status: 400, message: "\(folder) is no folder for a copy")
    }
  }
}
