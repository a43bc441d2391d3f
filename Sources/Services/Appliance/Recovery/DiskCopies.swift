// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Dispatch
internal import Foundation
package import RecoveryModel
internal import Synchronization

/// Copies of disks of point-in-time exports, to files of their own.
///
/// They are made one after the other: several at once on one disk take longer together. A copy
/// under way is forgotten when the appliance ends; asked for again, it begins anew, and one that
/// was complete is found by its file.
///
/// The methods block for as long as a disk takes for one piece.
package final class DiskCopies: Sendable {
  private let exports: ExportRegistry
  private let queue = DispatchQueue(label: "understudy.copies")
  private let copies = Mutex<[CopyIdentifier: DiskCopy]>([:])

  package init(exports: ExportRegistry) { self.exports = exports }

  /// Begins a copy, or finds it begun.
  ///
  /// - Throws: 400 if the folder is no place for it, 404 if there is no such export or disk, 409
  ///   for a copy of that name of something else.
  package func put(
    _ identifier: CopyIdentifier,
    _ request: CopyRequest
  ) throws -> CopyReply {
    try Self.check(request.folder)
    if let copy = copies.withLock({ $0[identifier] }) {
      guard copy.request == request else {
        throw ControlFailure(status: 409, message: "copy \(identifier) is of another disk")
      }
      return copy.reply
    }
    let path = identifier.path(in: request.folder)
    if FileManager.default.fileExists(atPath: path) { return CopyReply(isComplete: true) }
    let disk = try exports.disk(request.volume, of: request.export)
    let copy = DiskCopy(request, of: disk, to: path)
    let other = copies.withLock { copies -> DiskCopy? in
      if let other = copies[identifier] { return other }
      copies[identifier] = copy
      return nil
    }
    if let other { return other.reply }
    queue.async { copy.run() }
    return copy.reply
  }

  /// Ends a copy and deletes its file, and the folder if nothing else is in it.
  ///
  /// What is gone is fine.
  package func delete(_ identifier: CopyIdentifier, in folder: String) throws {
    try Self.check(folder)
    copies.withLock { $0[identifier] }?.end()
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
    for copy in open { copy.end() }
  }

  private static func check(_ folder: String) throws {
    guard folder.hasPrefix("/"), !folder.split(separator: "/").contains("..") else {
      throw ControlFailure(status: 400, message: "\(folder) is no folder for a copy")
    }
  }
}
