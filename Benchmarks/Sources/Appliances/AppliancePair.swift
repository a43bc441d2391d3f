// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel

/// A protected and a recovery appliance with one stream between them; a benchmark is the VM.
struct AppliancePair {
  static let stream = StreamIdentifier("bench")
  static let vpg = VPGIdentifier("33333333-0000-4000-8000-000000000003")
  static let volume = VolumeIdentifier("disk")

  let protected: ApplianceProcess
  let recovery: ApplianceProcess
  /// Where the disk's writes go.
  let tapSocketPath: String
  private let pullSocketPath: String

  /// Starts both.
  ///
  /// `disk` is the raw file that is the VM's disk, for syncs, `replica` the one that becomes the
  /// replica, `limit` the journal's hard limit in bytes; `remotePort` says where the protected
  /// appliance sends, given the recovery appliance's port.
  init(
    disk: String,
    replica: String,
    byteCount: Int,
    limit: Int,
    stage: Stage,
    remotePort: (Int) throws -> Int = { $0 }
  ) async throws {
    let sites = try Sites(folder: stage.folder)
    recovery = try await ApplianceProcess(
      "recovery",
      site: Sites.recovery,
      sites: sites,
      stage: stage
    )
    protected = try await ApplianceProcess(
      "protected",
      site: Sites.protected,
      sites: sites,
      stage: stage
    )
    try await recovery.keepJournal(replica: replica, byteCount: byteCount, limit: limit)
    let reply = try await protected.client.protect(
      Self.stream,
      ProtectRequest(
        vpg: Self.vpg,
        vm: VMIdentifier("vm"),
        volumes: [.init(identifier: Self.volume, number: 0, byteCount: UInt64(byteCount))],
        remoteHost: "127.0.0.1",
        remotePort: try remotePort(recovery.streamPort),
        remoteSite: Sites.recovery,
        compression: .lz4,
        priority: .medium,
        bufferByteCount: UInt64(ApplianceProcess.bufferInMB) << 20,
        isPaused: false
      )
    )
    tapSocketPath = reply.tapSocketPath
    pullSocketPath = try await QemuNBD(file: disk, name: "pull", stage: stage).socketPath
  }

  /// Copies what differs, and returns when every write is in the stream in its order.
  ///
  /// The tap must have its connection.
  func sync(seconds: Double = 600) async throws {
    try await waitUntil("the tap is connected") { try await !status().connectedVolumes.isEmpty }
    try await protected.client.sync(
      Self.stream,
      SyncRequest(
        pullSocketPath: pullSocketPath,
        exportNames: [Self.volume: QemuNBD.export]
      )
    )
    try await waitUntil("the sync is through", seconds: seconds) {
      try await status().sync == .ordered
    }
    try await drain()
  }

  /// Waits until everything is durable at the recovery site.
  func drain() async throws {
    try await waitUntil("the other site has everything", seconds: 120) {
      let status = try await status()
      return status.acknowledgedSequence == status.lastSequence
    }
  }

  /// How the stream stands, seen from its sender.
  func status() async throws -> StreamStatus {
    guard let status = try await protected.client.status().streams.first else {
      throw BenchError("the protected appliance has no stream")
    }
    return status
  }

  /// Marks a checkpoint; false if the appliance would not.
  func mark(_ number: UInt64) async throws -> Bool {
    let time = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    let checkpoint = Checkpoint(identifier: CheckpointIdentifier(number), time: time, tag: "")
    return try await protected.client.mark(
      MarkRequest(checkpoint: checkpoint, streams: [Self.stream])
    ).isMarked
  }
}

extension ApplianceProcess {
  /// Keeps the stream's journal, from now on with this limit.
  func keepJournal(replica: String, byteCount: Int, limit: Int) async throws {
    try await client.keepJournal(
      AppliancePair.stream,
      JournalRequest(
        vpg: AppliancePair.vpg,
        sourceSite: Sites.protected,
        volumes: [
          .init(
            identifier: AppliancePair.volume,
            target: "vda",
            byteCount: UInt64(byteCount),
            replicaPath: replica
          )
        ],
        historyInSeconds: 86_400,
        hardLimitInBytes: UInt64(limit)
      )
    )
  }

  /// The folder of the stream's journal.
  var journalFolder: String { "\(stateFolder)/journals/\(AppliancePair.stream)" }
}
