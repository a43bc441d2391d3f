// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Take a VM's writes and send them to the other site.
package struct ProtectRequest: Codable, Sendable, Equatable {
  package var vpg: VPGIdentifier
  /// Whose disks these are: streams of one VM share its taps.
  package var vm: VMIdentifier
  package var volumes: [Volume]
  /// Where the recovery appliance takes streams.
  package var remoteHost: String
  package var remotePort: Int
  package var remoteSite: SiteIdentifier
  package var compression: PayloadCompression
  /// The stream's part of the line against other VPGs'.
  package var priority: VPGDefinition.Priority
  /// Memory for writes that are not acknowledged yet, for all volumes together.
  package var bufferByteCount: UInt64
  /// While true writes are not kept: the guest goes on, and a sync is needed afterwards.
  package var isPaused: Bool
  /// Volumes of temporary data that the other site has durably: nothing more of them is sent.
  package var settled: [VolumeIdentifier] = []

  package init(
    vpg: VPGIdentifier,
    vm: VMIdentifier,
    volumes: [Volume],
    remoteHost: String,
    remotePort: Int,
    remoteSite: SiteIdentifier,
    compression: PayloadCompression,
    priority: VPGDefinition.Priority,
    bufferByteCount: UInt64,
    isPaused: Bool
  ) {
    self.vpg = vpg
    self.vm = vm
    self.volumes = volumes
    self.remoteHost = remoteHost
    self.remotePort = remotePort
    self.remoteSite = remoteSite
    self.compression = compression
    self.priority = priority
    self.bufferByteCount = bufferByteCount
    self.isPaused = isPaused
  }

  /// One disk.
  package struct Volume: Codable, Sendable, Equatable {
    package var identifier: VolumeIdentifier
    /// By which the stream's records name it.
    package var number: Int
    package var byteCount: UInt64

    package init(identifier: VolumeIdentifier, number: Int, byteCount: UInt64) {
      self.identifier = identifier
      self.number = number
      self.byteCount = byteCount
    }
  }

  /// The places of the settled volumes in the list.
  package var settledIndices: Set<Int> {
    Set(volumes.indices.filter { settled.contains(volumes[$0].identifier) })
  }

  /// The volumes as the stream's records tell of them.
  package var volumeSizes: VolumeSizes {
    let count = (volumes.map(\.number).max() ?? -1) + 1
    return VolumeSizes(
      (0..<count).map { number in volumes.first { $0.number == number }?.byteCount ?? 0 }
    )
  }
}

/// Where the hypervisor finds the taps.
package struct ProtectReply: Codable, Sendable, Equatable {
  /// The unix socket that serves every volume's tap; the export name is the volume identifier.
  ///
  /// One VM's is the same for all its streams, and stays as long as there is one.
  package var tapSocketPath: String
  /// Where the hypervisor is to offer the disks' content for syncs; all the VM's streams', too.
  package var pullSocketPath: String

  package init(tapSocketPath: String, pullSocketPath: String) {
    self.tapSocketPath = tapSocketPath
    self.pullSocketPath = pullSocketPath
  }
}
