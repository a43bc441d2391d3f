// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Foundation
internal import Processes
internal import Synchronization

/// The overlays that bring protected VMs back, by their path.
///
/// The methods block for as long as their disk work takes.
package final class FilledOverlays: Sendable {
  private let open = Mutex<[String: FilledOverlay]>([:])

  package init() {}

  /// Finds an overlay, or begins it.
  ///
  /// - Throws: 400 if it cannot be where it is to be, 409 if there is one of another disk.
  package func put(_ request: OverlayRequest) throws -> OverlayReply {
    try Self.check(request.path)
    try Self.check(request.basePath, isOverlay: false)
    guard request.byteCount > 0, ["raw", "qcow2"].contains(request.baseFormat) else {
      throw ControlFailure(status: 400, message: "this is no disk for an overlay")
    }
    // One that has its name is complete.
    guard !FileManager.default.fileExists(atPath: request.path) else {
      return OverlayReply(missing: [])
    }
    var wish = request
    wish.wanted = []
    let overlay = try open.withLock { open in
      if let known = open[request.path] { return known }
      let new = try FilledOverlay(wish)
      open[request.path] = new
      return new
    }
    guard overlay.request == wish else {
      throw ControlFailure(status: 409, message: "\(request.path) is of another disk")
    }
    return OverlayReply(missing: try overlay.missing(of: request.wanted))
  }

  /// Fills a part.
  ///
  /// - Throws: 404 if the overlay was not begun by this process, 400 if these are no clusters.
  package func write(_ piece: OverlayPiece) throws {
    let overlay = try known(piece.path)
    try piece.bytes.withUnsafeBytes { try overlay.write($0, at: piece.offset) }
  }

  /// Makes an overlay complete; one that is so already is fine.
  package func seal(_ path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else { return }
    try known(path).seal()
    open.withLock { $0[path] = nil }
  }

  /// Takes what a complete overlay holds down into the disk below it, which nobody may have open.
  package func commit(_ path: String) throws {
    try Self.check(path)
    let (status, words) = try ChildProcess.run(["qemu-img", "commit", "-q", "-f", "qcow2", path])
    guard status == 0 else { throw ControlFailure(status: 500, message: "qemu-img: \(words)") }
  }

  /// Deletes an overlay, complete or not; one that is gone is fine.
  package func delete(_ path: String) throws {
    try Self.check(path)
    open.withLock { $0[path] = nil }
    for path in [FilledOverlay.temporaryPath(path), path] where unlink(path) != 0 && errno != ENOENT
    {
      throw ControlFailure(
        status: 500,
        message: "cannot delete \(path): \(String(cString: strerror(errno)))"
      )
    }
  }

  private func known(_ path: String) throws -> FilledOverlay {
    guard let overlay = open.withLock({ $0[path] }) else {
      throw ControlFailure(status: 404, message: "\(path) was not begun")
    }
    return overlay
  }

  /// What is deleted and replaced by name is an overlay and nothing else.
  private static func check(_ path: String, isOverlay: Bool = true) throws {
    guard path.hasPrefix("/"), !path.split(separator: "/").contains(".."),
      !isOverlay || path.hasSuffix(".restore.qcow2")
    else { throw ControlFailure(status: 400, message: "\(path) is no place for an overlay") }
  }
}
