// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

// What a manager says to the appliances of its own site: HTTP and JSON over mutual TLS.
// The paths are in ``ApplianceRoutes``. Every request states a wish, not a step: sent again, it
// finds itself fulfilled.

/// The paths of an appliance's control port.
package enum ApplianceRoutes {
  /// GET: ``ApplianceStatus``.
  package static let status = "/v1/status"
  /// POST: the worker lets go of everything in order and ends; its supervisor starts the installed
  /// program anew.
  package static let restart = "/v1/restart"
  /// PUT: ``TrustRequest``.
  package static let trust = "/v1/trust"
  /// PUT: ``BandwidthRequest``.
  package static let bandwidth = "/v1/bandwidth"
  /// PUT ``ProtectRequest`` gives ``ProtectReply``; DELETE ends the stream.
  package static func stream(_ stream: StreamIdentifier) -> String { "/v1/streams/\(stream)" }
  /// POST: ``SyncRequest``.
  package static func sync(_ stream: StreamIdentifier) -> String { "/v1/streams/\(stream)/sync" }
  /// POST ``BeginSyncRequest`` gives ``BeginSyncReply``.
  package static func beginSync(_ stream: StreamIdentifier) -> String {
    "/v1/streams/\(stream)/sync/begin"
  }
  /// POST ``MarkRequest`` gives ``MarkReply``.
  package static let checkpoints = "/v1/checkpoints"
  /// POST ``HoldRequest`` gives ``MarkReply``: whether the streams are held.
  package static let holds = "/v1/holds"
  /// POST ``ReleaseRequest`` gives ``MarkReply``: whether the streams have the mark.
  package static let releases = "/v1/releases"
  /// PUT: ``JournalRequest``; DELETE with `?keepReplica=true|false` ends the journal.
  package static func journal(_ stream: StreamIdentifier) -> String { "/v1/journals/\(stream)" }
  /// POST: ``AcceptRequest``.
  package static func accept(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/accept"
  }
  /// POST: the journal is closed, and left to the appliance that takes it over.
  package static func handOver(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/hand-over"
  }
  /// POST: ``JournalRequest`` of a journal that another appliance handed over.
  package static func takeOver(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/take-over"
  }
  /// POST: ``PromoteRequest``.
  package static func promote(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/promote"
  }
  /// GET with `?stream=`: ``[Checkpoint]`` durable in that stream's journal, oldest first.
  package static let journalCheckpoints = "/v1/journal-checkpoints"
  /// GET: ``[ExportStatus]``, by export.
  package static let exports = "/v1/exports"
  /// PUT ``ExportRequest`` gives ``ExportReply``; DELETE closes it and deletes its overlays.
  package static func export(_ export: ExportIdentifier) -> String { "/v1/exports/\(export)" }
  /// GET: bytes of each disk of the export that are not known to be zero, by volume.
  package static func exportAdoption(_ export: ExportIdentifier) -> String {
    Self.export(export) + "/adoption"
  }
  package static func exportData(_ export: ExportIdentifier) -> String {
    "/v1/exports/\(export)/data"
  }
  /// PUT ``CopyRequest`` gives ``CopyReply``; DELETE with `?folder=` ends it and deletes its file.
  package static func copy(_ copy: CopyIdentifier) -> String { "/v1/copies/\(copy)" }
}

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

/// The authorities whose appliances may open streams to this one, or be sent to.
package struct TrustRequest: Codable, Sendable, Equatable {
  /// PEM certificates, by site.
  package var authorities: [SiteIdentifier: String]

  package init(authorities: [SiteIdentifier: String]) { self.authorities = authorities }
}

/// What the appliance's streams may take of the line together, also after a restart.
package struct BandwidthRequest: Codable, Sendable, Equatable {
  /// The site's.
  package var schedule: BandwidthSchedule
  /// The appliance's part of it, above 0 and at most 1.
  package var part: Double

  package init(schedule: BandwidthSchedule, part: Double) {
    self.schedule = schedule
    self.part = part
  }
}

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

/// Mark a checkpoint in all the streams, as of one instant.
package struct MarkRequest: Codable, Sendable, Equatable {
  package var checkpoint: Checkpoint
  package var streams: [StreamIdentifier]
  /// Those of them whose VM is off: taps that were closed in order are no obstacle.
  package var resting: [StreamIdentifier]

  package init(
    checkpoint: Checkpoint,
    streams: [StreamIdentifier],
    resting: [StreamIdentifier] = []
  ) {
    self.checkpoint = checkpoint
    self.streams = streams
    self.resting = resting
  }
}

/// Whether the mark is in every stream.
///
/// It is in all or in none.
package struct MarkReply: Codable, Sendable, Equatable {
  package var isMarked: Bool
  /// Why not, in words for an operator; empty if marked.
  package var reason: String

  package init(isMarked: Bool, reason: String) {
    self.isMarked = isMarked
    self.reason = reason
  }
}

/// Keep back what comes after this instant in all the streams, until released.
///
/// A checkpoint holds a stream once: the request again changes nothing.
package struct HoldRequest: Codable, Sendable, Equatable {
  package var checkpoint: Checkpoint
  package var streams: [StreamIdentifier]
  /// Those of them whose VM is off: taps that were closed in order are no obstacle.
  package var resting: [StreamIdentifier]
  /// When the streams let go by themselves; the appliance has a limit of its own too.
  package var limitInMilliseconds: Int

  package init(
    checkpoint: Checkpoint,
    streams: [StreamIdentifier],
    resting: [StreamIdentifier] = [],
    limitInMilliseconds: Int
  ) {
    self.checkpoint = checkpoint
    self.streams = streams
    self.resting = resting
    self.limitInMilliseconds = limitInMilliseconds
  }
}

/// Let go, with the checkpoint's mark in all the streams if they are all held, or without.
///
/// The request again gives the same answer.
package struct ReleaseRequest: Codable, Sendable, Equatable {
  package var checkpoint: CheckpointIdentifier
  package var streams: [StreamIdentifier]
  package var keepsMark: Bool

  package init(
    checkpoint: CheckpointIdentifier,
    streams: [StreamIdentifier],
    keepsMark: Bool
  ) {
    self.checkpoint = checkpoint
    self.streams = streams
    self.keepsMark = keepsMark
  }
}

/// Keep a journal and replicas for a stream of the other site.
package struct JournalRequest: Codable, Sendable, Equatable {
  package var vpg: VPGIdentifier
  /// The site whose appliances may send this stream.
  package var sourceSite: SiteIdentifier
  /// By number.
  ///
  /// Disks that were taken away have size 0 and keep their replica.
  package var volumes: [Volume]
  package var historyInSeconds: Int
  /// Above this the history is shortened.
  package var hardLimitInBytes: UInt64
  /// The folder of its own, on a datastore, that the journal is kept in; nil is the appliance's.
  ///
  /// A journal that is there, and replicas, are moved to other places that a request names; see
  /// ``JournalStatus/move``.
  package var journalFolder: String?

  package init(
    vpg: VPGIdentifier,
    sourceSite: SiteIdentifier,
    volumes: [Volume],
    historyInSeconds: Int,
    hardLimitInBytes: UInt64,
    journalFolder: String? = nil
  ) {
    self.vpg = vpg
    self.journalFolder = journalFolder
    self.sourceSite = sourceSite
    self.volumes = volumes
    self.historyInSeconds = historyInSeconds
    self.hardLimitInBytes = hardLimitInBytes
  }

  /// One disk and the raw file that becomes its replica.
  package struct Volume: Codable, Sendable, Equatable {
    package var identifier: VolumeIdentifier
    package var target: String
    package var byteCount: UInt64
    package var replicaPath: String
    /// Set where a new journal's replica is an image that must be there already: the folder it has
    /// to be in.
    package var imageFolder: String?
    /// Whether the replica takes all its space at once and keeps it; nil is that it does not.
    package var isThick: Bool?

    package init(
      identifier: VolumeIdentifier,
      target: String,
      byteCount: UInt64,
      replicaPath: String,
      imageFolder: String? = nil,
      isThick: Bool? = nil
    ) {
      self.identifier = identifier
      self.target = target
      self.byteCount = byteCount
      self.replicaPath = replicaPath
      self.imageFolder = imageFolder
      self.isThick = isThick
    }
  }
}

/// Whether a journal takes new writes.
///
/// During a failover it does not: the sender is told so and keeps trying.
package struct AcceptRequest: Codable, Sendable, Equatable {
  package var isAccepting: Bool

  package init(isAccepting: Bool) { self.isAccepting = isAccepting }
}

/// Fold the journal into the replicas, exactly up to a checkpoint, for good.
///
/// The journal takes no more writes, and points before it are gone.
package struct PromoteRequest: Codable, Sendable, Equatable {
  package var checkpoint: CheckpointIdentifier

  package init(checkpoint: CheckpointIdentifier) { self.checkpoint = checkpoint }
}

/// What a control port answers instead of success.
package struct ControlFailure: Error, Codable, Sendable, Equatable {
  /// The HTTP status: 400 bad request, 403 not allowed, 404 unknown, 409 not now, 500 failed.
  package var status: Int
  /// In words for an operator.
  package var message: String
  /// The single things that are wrong, where there may be several; `message` says them all.
  package var problems: [String]?

  package init(status: Int, message: String, problems: [String]? = nil) {
    self.status = status
    self.message = message
    self.problems = problems
  }
}
