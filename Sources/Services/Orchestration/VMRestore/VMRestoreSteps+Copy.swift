// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

// What differs between a point and now comes over the link piece by piece, as it was then.

extension VMRestoreSteps {
  /// Extents that are asked for at once, of each disk.
  private static let pageCount = 4096
  /// Bytes that are read and written at once.
  private static let pieceByteCount: UInt64 = 2 << 20

  /// Fills the overlays with what was written since the point, up to a checkpoint; without one up
  /// to now.
  func copy(
    _ workflow: VMRestoreWorkflow,
    until end: Checkpoint?,
    _ jobs: VMRestores
  ) async throws(SiteError) {
    let definition = try await record(workflow).definition
    let peer = try await context.peers.client(for: definition.recoverySite)
    let appliance = try await appliance(of: workflow)
    var (first, total, done): (Int, UInt64, UInt64) = (0, 0, 0)
    while true {
      let changes = try await peer.changes(
        workflow.changes(until: end, first: first, limit: Self.pageCount),
        in: workflow.vpg
      )
      try workflow.check(changes)
      for disk in workflow.disks {
        let found = changes.volumes.first { $0.identifier == disk.volume && !disk.isTemporary }
        if first == 0 { total += found?.changedByteCount ?? 0 }
        let missing = try await appliance.overlay(
          disk.overlay(wanting: disk.clusters(found?.extents ?? []))
        ).missing
        for piece in missing.flatMap({ $0.pieces(of: Self.pieceByteCount) }) {
          let request = workflow.read(disk, piece)
          let bytes = try await peer.read(request, in: workflow.vpg).bytes
          guard bytes.count == request.count else {
            throw .failed("The recovery site did not send what it was asked for.")
          }
          try await appliance.write(
            OverlayPiece(path: disk.overlayPath, offset: piece.offset, bytes: bytes)
          )
          done += piece.count
          let part = total == 0 ? 0 : Double(done) / Double(total)
          guard
            await jobs.goesOn(workflow.vpg, progress: workflow.progress(part: min(part, 0.99)))
          else { throw .conflict("The restore was aborted.") }
        }
      }
      first += Self.pageCount
      guard changes.volumes.contains(where: { $0.extentCount > first }) else { return }
    }
  }

  /// The same up to the VM's last write; the overlays are complete then.
  func copyRest(_ workflow: VMRestoreWorkflow, _ jobs: VMRestores) async throws(SiteError) {
    guard let settled = workflow.settled else {
      throw .failed("It is not known which checkpoint holds the VM's last writes.")
    }
    try await copy(workflow, until: settled, jobs)
    let appliance = try await appliance(of: workflow)
    for disk in workflow.disks { try await appliance.sealOverlay(at: disk.overlayPath) }
  }
}

extension VMRestoreWorkflow {
  func changes(until end: Checkpoint?, first: Int, limit: Int) -> PointChangesRequest {
    PointChangesRequest(
      stream: stream,
      changes: ChangesRequest(
        earlier: .checkpoint(checkpoint.identifier),
        later: end.map { .checkpoint($0.identifier) } ?? .time(.distantFuture),
        first: first,
        limit: limit
      )
    )
  }

  /// Refuses if a disk is not what it was then.
  func check(_ changes: ChangesReply) throws(SiteError) {
    for disk in disks where !disk.isTemporary {
      let found = changes.volumes.first { $0.identifier == disk.volume }
      guard let found, found.byteCountBefore == disk.byteCount, found.byteCount == disk.byteCount
      else {
        throw .conflict(
          "The disk \(disk.target) of the VM \(name) was not there then, or had another size. "
            + "Make a clone of that point, or restore files of it."
        )
      }
    }
  }

  fileprivate func read(_ disk: Disk, _ piece: ChangesReply.Extent) -> PointReadRequest {
    PointReadRequest(
      stream: stream,
      point: .checkpoint(checkpoint.identifier),
      volume: disk.volume,
      offset: piece.offset,
      count: Int(piece.count)
    )
  }
}

extension VMRestoreWorkflow.Disk {
  fileprivate func overlay(wanting wanted: [ChangesReply.Extent]) -> OverlayRequest {
    OverlayRequest(
      path: overlayPath,
      basePath: basePath,
      baseFormat: baseFormat,
      byteCount: byteCount,
      wanted: wanted
    )
  }

  /// The whole clusters that extents lie in, in order and each once.
  func clusters(_ extents: [ChangesReply.Extent]) -> [ChangesReply.Extent] {
    let size = OverlayRequest.clusterByteCount
    var found: [ChangesReply.Extent] = []
    for extent in extents where extent.count > 0 {
      let start = extent.offset / size * size
      let end = min((extent.offset + extent.count + size - 1) / size * size, byteCount)
      if let last = found.last, start <= last.offset + last.count {
        found[found.count - 1].count = max(end, last.offset + last.count) - last.offset
      } else {
        found.append(ChangesReply.Extent(offset: start, count: end - start))
      }
    }
    return found
  }
}

extension ChangesReply.Extent {
  fileprivate func pieces(of size: UInt64) -> [ChangesReply.Extent] {
    stride(from: offset, to: offset + count, by: Int(size)).map { start in
      ChangesReply.Extent(offset: start, count: min(size, offset + count - start))
    }
  }
}

extension WallTime {
  /// Behind every record there is.
  fileprivate static var distantFuture: WallTime { WallTime(milliseconds: .max) }
}
