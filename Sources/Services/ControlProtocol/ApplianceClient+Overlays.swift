// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension ApplianceClient {
  /// Bytes of a disk as of a point.
  package func read(_ request: PointReadRequest) async throws(ControlError) -> PointReadReply {
    try await client.send(
      .post,
      ApplianceRoutes.pointData(request.stream),
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// Has an overlay be there, and asks what it lacks.
  package func overlay(_ request: OverlayRequest) async throws(ControlError) -> OverlayReply {
    try await client.send(
      .put,
      ApplianceRoutes.overlays,
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// Fills a part of an overlay.
  package func write(_ piece: OverlayPiece) async throws(ControlError) {
    try await client.perform(
      .post,
      ApplianceRoutes.overlayPieces,
      body: piece,
      timeout: Self.mediumTimeout
    )
  }

  /// Has an overlay be complete and durable.
  package func sealOverlay(at path: String) async throws(ControlError) {
    try await client.perform(
      .post,
      ApplianceRoutes.overlaySeals,
      body: OverlayName(path: path),
      timeout: Self.longTimeout
    )
  }

  /// Takes what an overlay holds down into the disk below it.
  package func commitOverlay(at path: String) async throws(ControlError) {
    try await client.perform(
      .post,
      ApplianceRoutes.overlayCommits,
      body: OverlayName(path: path),
      timeout: Self.longTimeout
    )
  }

  /// Deletes an overlay.
  package func deleteOverlay(at path: String) async throws(ControlError) {
    try await client.perform(
      .delete,
      ApplianceRoutes.overlays,
      query: ["path": path],
      timeout: Self.mediumTimeout
    )
  }
}
