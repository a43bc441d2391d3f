// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// All an appliance knows of itself, measured when asked.
package struct ApplianceStatus: Codable, Sendable {
  package var identifier: ApplianceIdentifier
  package var version: String
  /// Changes when the process that holds the connections is a new one.
  package var incarnation: String
  package var residentMemoryInBytes: UInt64
  /// Processors the appliance may use.
  package var processorCount = 0
  package var streams: [StreamStatus]
  package var journals: [JournalStatus]
  package var exports: [ExportIdentifier]
  /// Streams' links that were refused or cut, by either side.
  package var linkRefusals: [LinkRefusal]
  /// Where it takes streams; nil if it does not say, the host also if it is any address.
  package var streamHost: String?
  package var streamPort: Int?

  package init(
    identifier: ApplianceIdentifier,
    version: String,
    incarnation: String,
    residentMemoryInBytes: UInt64,
    streams: [StreamStatus],
    journals: [JournalStatus],
    exports: [ExportIdentifier],
    linkRefusals: [LinkRefusal] = []
  ) {
    self.identifier = identifier
    self.version = version
    self.incarnation = incarnation
    self.residentMemoryInBytes = residentMemoryInBytes
    self.streams = streams
    self.journals = journals
    self.exports = exports
    self.linkRefusals = linkRefusals
  }
}

/// A protected VM's stream, seen from its sender.
package struct StreamStatus: Codable, Sendable {
  package var stream: StreamIdentifier
  package var vpg: VPGIdentifier
  package var sync: SyncState
  /// Set when only a new sync can make the stream ordered again.
  package var needsSync: Bool
  /// Grows whenever the stream loses its order or begins a sync.
  package var generation: UInt64 = 0
  /// 0...1 of the sync that runs.
  package var syncProgress: Double
  /// How far the sync that runs has compared each disk as a whole, in bytes from its start.
  ///
  /// Empty unless it compares all of the disks.
  package var comparedByteCounts: [VolumeIdentifier: UInt64] = [:]
  /// Bytes the latest sync has read from the VM's disks.
  package var syncReadByteCount: UInt64 = 0
  package var isConnected: Bool
  /// Age of the oldest write that the other site has not acknowledged, in milliseconds.
  package var rpoInMilliseconds: Int64
  package var lastSequence: UInt64
  package var acknowledgedSequence: UInt64
  /// Totals since the process began; rates are differences.
  package var writeCount: UInt64
  package var writtenByteCount: UInt64
  package var sentByteCount: UInt64
  package var bufferedByteCount: UInt64
  package var bufferByteCount: UInt64
  /// Volumes whose tap has a connection from the hypervisor.
  package var connectedVolumes: [VolumeIdentifier]
  /// The last reason the link or a sync failed; empty if none.
  package var lastError: String
  /// The RPO if the VM is off; nil if it cannot be said.
  ///
  /// Its taps were closed in order then, so what is in the stream is all there is.
  package var restingRPOInMilliseconds: Int64?
  /// How long guests waited for checkpoints over several appliances, since the process began.
  package var holds = Holds()
  /// What the other site has of the disks.
  package var remoteCopy = RemoteCopy.unknown

  package init(
    stream: StreamIdentifier,
    vpg: VPGIdentifier,
    sync: SyncState,
    needsSync: Bool,
    syncProgress: Double,
    isConnected: Bool,
    rpoInMilliseconds: Int64,
    lastSequence: UInt64,
    acknowledgedSequence: UInt64,
    writeCount: UInt64,
    writtenByteCount: UInt64,
    sentByteCount: UInt64,
    bufferedByteCount: UInt64,
    bufferByteCount: UInt64,
    connectedVolumes: [VolumeIdentifier],
    lastError: String
  ) {
    self.stream = stream
    self.vpg = vpg
    self.sync = sync
    self.needsSync = needsSync
    self.syncProgress = syncProgress
    self.isConnected = isConnected
    self.rpoInMilliseconds = rpoInMilliseconds
    self.lastSequence = lastSequence
    self.acknowledgedSequence = acknowledgedSequence
    self.writeCount = writeCount
    self.writtenByteCount = writtenByteCount
    self.sentByteCount = sentByteCount
    self.bufferedByteCount = bufferedByteCount
    self.bufferByteCount = bufferByteCount
    self.connectedVolumes = connectedVolumes
    self.lastError = lastError
  }

  /// How often, and for how long, acknowledgements were kept back.
  package struct Holds: Codable, Sendable, Equatable {
    package var count: UInt64
    /// How many ended without a mark.
    package var voidCount: UInt64
    package var lastInMicroseconds: Int64
    package var worstInMicroseconds: Int64

    package init(
      count: UInt64 = 0,
      voidCount: UInt64 = 0,
      lastInMicroseconds: Int64 = 0,
      worstInMicroseconds: Int64 = 0
    ) {
      self.count = count
      self.voidCount = voidCount
      self.lastInMicroseconds = lastInMicroseconds
      self.worstInMicroseconds = worstInMicroseconds
    }
  }
}

/// A protected VM's journal and replicas, at the recovery site.
package struct JournalStatus: Codable, Sendable {
  package var stream: StreamIdentifier
  package var vpg: VPGIdentifier
  package var sync: SyncState
  package var isConnected: Bool
  /// Whether writes are being accepted; see ``AcceptRequest``.
  package var isAccepting: Bool
  package var durableSequence: UInt64
  package var journalByteCount: UInt64
  package var replicaByteCount: UInt64
  package var checkpointCount: Int
  package var earliestCheckpoint: Checkpoint?
  package var latestCheckpoint: Checkpoint?
  /// Empty, or why the journal cannot be written.
  package var lastError: String
  /// What is damaged of the journal, in words; nil if nothing is known to be.
  package var damage: String?
  package var history = History()
  /// What the stream takes of the host's disks, file by file.
  package var files: [File] = []
  /// Set while journal and replicas are on the way to other places.
  package var move: Move?

  package init(
    stream: StreamIdentifier,
    vpg: VPGIdentifier,
    sync: SyncState,
    isConnected: Bool,
    isAccepting: Bool,
    durableSequence: UInt64,
    journalByteCount: UInt64,
    replicaByteCount: UInt64,
    checkpointCount: Int,
    earliestCheckpoint: Checkpoint?,
    latestCheckpoint: Checkpoint?,
    lastError: String
  ) {
    self.stream = stream
    self.vpg = vpg
    self.sync = sync
    self.isConnected = isConnected
    self.isAccepting = isAccepting
    self.durableSequence = durableSequence
    self.journalByteCount = journalByteCount
    self.replicaByteCount = replicaByteCount
    self.checkpointCount = checkpointCount
    self.earliestCheckpoint = earliestCheckpoint
    self.latestCheckpoint = latestCheckpoint
    self.lastError = lastError
  }
}

extension JournalStatus {
  /// A file or folder of the stream's, measured in blocks that are allocated.
  package struct File: Codable, Sendable, Equatable {
    package var kind: Kind
    /// The volume's identifier; empty for the journal.
    package var name: String
    package var path: String
    package var byteCount: UInt64

    package init(kind: Kind, name: String, path: String, byteCount: UInt64) {
      self.kind = kind
      self.name = name
      self.path = path
      self.byteCount = byteCount
    }

    /// What is in it.
    package enum Kind: String, Codable, Sendable {
      case replica
      case journal
      /// What a recovered VM has written on top of a point.
      case overlay
    }
  }

  /// How far back a journal goes, and why no further.
  package struct History: Codable, Sendable, Equatable {
    /// What there is not enough of for the history that is wanted.
    package enum Shortage: String, Codable, Sendable {
      case hardLimit
      case disk
    }

    /// The protected host's time of the oldest and the newest write.
    package var oldest: WallTime?
    package var newest: WallTime?
    /// Set while the history is shorter than wanted.
    package var shortage: Shortage?
    package var keptInSeconds: Double
    /// Whether the disk is full: the newest writes wait at the protected site.
    package var isDiskFull: Bool

    package init(
      oldest: WallTime? = nil,
      newest: WallTime? = nil,
      shortage: Shortage? = nil,
      keptInSeconds: Double = 0,
      isDiskFull: Bool = false
    ) {
      self.oldest = oldest
      self.newest = newest
      self.shortage = shortage
      self.keptInSeconds = keptInSeconds
      self.isDiskFull = isDiskFull
    }
  }
}
