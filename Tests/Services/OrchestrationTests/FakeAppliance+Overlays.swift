// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Orchestration
import RecoveryModel

struct FakeOverlays {
  /// What is said of changes; nil is something.
  var changes: ChangesReply?
  /// What is said instead, if there is something.
  var whenChangesAsked: (@Sendable () async -> ChangesReply?)?
  /// Called when a disk is read as of a point.
  var whenRead: (@Sendable () async throws(SiteError) -> Void)?
  var reads: [PointReadRequest] = []
  /// The clusters that overlays have, by path.
  var filled: [String: Set<UInt64>] = [:]
  /// Those that are complete.
  var sealed: Set<String> = []
  /// Those that were committed while their VM was off.
  var committed: Set<String> = []
}

extension FakeAppliance {
  func setChanges(_ reply: ChangesReply?) { overlays.changes = reply }
  func setWhenChangesAsked(_ body: (@Sendable () async -> ChangesReply?)?) {
    overlays.whenChangesAsked = body
  }
  func setWhenRead(_ body: (@Sendable () async throws(SiteError) -> Void)?) {
    overlays.whenRead = body
  }

  func read(_ request: PointReadRequest) async throws(SiteError) -> PointReadReply {
    try await overlays.whenRead?()
    overlays.reads.append(request)
    return PointReadReply(bytes: Data(repeating: 7, count: request.count))
  }

  func overlay(_ request: OverlayRequest) -> OverlayReply {
    if overlays.sealed.contains(request.path) { return OverlayReply(missing: []) }
    let known = overlays.filled[request.path, default: []]
    overlays.filled[request.path] = known
    return OverlayReply(missing: request.wanted.filter { !known.contains($0.offset) })
  }

  func write(_ piece: OverlayPiece) throws(SiteError) {
    guard overlays.filled[piece.path] != nil else {
      throw .notFound("\(piece.path) was not begun")
    }
    overlays.filled[piece.path]?.insert(piece.offset)
  }

  func sealOverlay(at path: String) throws(SiteError) {
    guard overlays.filled[path] != nil || overlays.sealed.contains(path) else {
      throw .notFound("\(path) was not begun")
    }
    overlays.sealed.insert(path)
  }

  func commitOverlay(at path: String) throws(SiteError) {
    guard overlays.sealed.contains(path) else { throw .notFound("there is no \(path)") }
    overlays.committed.insert(path)
  }

  func deleteOverlay(at path: String) {
    overlays.filled[path] = nil
    overlays.sealed.remove(path)
  }
}
