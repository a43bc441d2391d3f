// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

// What paired managers say to each other: HTTP and JSON over mutual TLS. Only the pairing call
// comes without a trusted certificate; its proof stands in for one.

/// The paths of a manager's peer port.
package enum PeerRoutes {
  /// POST ``PairRequest`` gives ``PairReply``.
  package static let pair = "/v1/pair"
  /// DELETE: the caller's site is unpaired.
  package static let pairing = "/v1/pairing"
  /// GET: ``SiteDescription``.
  package static let site = "/v1/site"
  /// GET: ``Inventory``.
  package static let inventory = "/v1/inventory"
  /// GET: ``PeerState``.
  package static let state = "/v1/state"
  /// PUT ``VPGDefinition`` gives ``PrepareReply``; DELETE with `?keepReplicas=true|false`.
  package static func vpg(_ vpg: VPGIdentifier) -> String { "/v1/vpgs/\(vpg)" }
  /// POST ``VPGDefinition`` gives ``[String]``: what the callee does not have of what it names.
  package static func problems(_ vpg: VPGIdentifier) -> String { "/v1/vpgs/\(vpg)/problems" }
  /// GET: ``DropRefusal``.
  package static func dropRefusal(_ vpg: VPGIdentifier) -> String {
    "/v1/vpgs/\(vpg)/drop-refusal"
  }
  /// GET: ``[Checkpoint]``, oldest first.
  package static func checkpoints(_ vpg: VPGIdentifier) -> String { "/v1/vpgs/\(vpg)/checkpoints" }
  /// POST ``OperationRequest`` gives ``TaskReply``.
  package static func operations(_ vpg: VPGIdentifier) -> String { "/v1/vpgs/\(vpg)/operations" }
  /// POST ``SourceRequest`` gives ``SourceReply``.
  package static func source(_ vpg: VPGIdentifier) -> String { "/v1/vpgs/\(vpg)/source" }
  /// PUT ``BlueprintRequest``.
  package static func blueprints(_ vpg: VPGIdentifier) -> String { "/v1/vpgs/\(vpg)/blueprints" }
  /// POST ``CreateRequest`` gives ``TaskReply``: create a VPG the callee protects.
  package static let vpgs = "/v1/vpgs"
  /// GET: ``TaskRecord``.
  package static func task(_ task: TaskIdentifier) -> String { "/v1/tasks/\(task)" }
}

/// Why a site would not end its half of a VPG now.
package struct DropRefusal: Codable, Sendable {
  /// For an operator; nil if it would end it.
  package var reason: String?

  package init(reason: String?) { self.reason = reason }
}

/// A site as it presents itself.
package struct SiteDescription: Codable, Sendable, Equatable {
  package var identifier: SiteIdentifier
  package var name: String
  package var location: String
  package var version: String
  /// Where its manager takes peers' calls.
  package var peerHost: String
  package var peerPort: Int
  package var appliances: [ApplianceDescription]

  package init(
    identifier: SiteIdentifier,
    name: String,
    location: String,
    version: String,
    peerHost: String,
    peerPort: Int,
    appliances: [ApplianceDescription]
  ) {
    self.identifier = identifier
    self.name = name
    self.location = location
    self.version = version
    self.peerHost = peerHost
    self.peerPort = peerPort
    self.appliances = appliances
  }
}

/// An appliance and where it takes streams.
package struct ApplianceDescription: Codable, Sendable, Equatable {
  package var identifier: ApplianceIdentifier
  package var host: HostIdentifier
  package var streamHost: String
  package var streamPort: Int

  package init(
    identifier: ApplianceIdentifier,
    host: HostIdentifier,
    streamHost: String,
    streamPort: Int
  ) {
    self.identifier = identifier
    self.host = host
    self.streamHost = streamHost
    self.streamPort = streamPort
  }
}

/// Pair with the callee.
///
/// The proof is made with the token's secret over the rest of the request.
package struct PairRequest: Codable, Sendable, Equatable {
  package var tokenIdentifier: String
  package var site: SiteDescription
  /// The caller's authority, in PEM.
  package var authority: String
  package var proof: [UInt8]

  package init(
    tokenIdentifier: String,
    site: SiteDescription,
    authority: String,
    proof: [UInt8]
  ) {
    self.tokenIdentifier = tokenIdentifier
    self.site = site
    self.authority = authority
    self.proof = proof
  }
}

/// The callee's half of the pairing, proven with the same secret.
package struct PairReply: Codable, Sendable, Equatable {
  package var site: SiteDescription
  package var authority: String
  package var proof: [UInt8]

  package init(site: SiteDescription, authority: String, proof: [UInt8]) {
    self.site = site
    self.authority = authority
    self.proof = proof
  }
}

/// What a site knows about the VPGs it shares with the caller, once a second.
package struct PeerState: Codable, Sendable {
  package var time: WallTime
  package var vpgs: [VPGShare]
  /// Changes with the site's ``HistoryReply``; nil if it has none to give.
  package var historyVersion: Int64?

  package init(time: WallTime, vpgs: [VPGShare]) {
    self.time = time
    self.vpgs = vpgs
  }
}

/// One site's knowledge of one VPG.
package struct VPGShare: Codable, Sendable {
  package var definition: VPGDefinition
  package var status: VPGStatus
  package var substatus: VPGSubstatus
  /// 0...100 of the sync that runs, if one does.
  package var progress: Double
  package var isPaused: Bool
  package var lastTest: WallTime?
  /// The stage of a running test; nil without one.
  package var testStage: String?
  /// From the protected site: one per stream.
  package var streams: [StreamStatus]
  /// From the protected site: writes and bytes of the last second.
  package var writesPerSecond: Double
  package var bytesPerSecond: Double
  /// From the recovery site: one per stream.
  package var journals: [JournalStatus]
  /// From the protected site: what each stream and its VM use.
  package var use: [StreamIdentifier: VMUse] = [:]
  /// While the VPG is being recovered or was: the protected VMs of which one runs at this site.
  package var running: [VMIdentifier]?
  /// From the recovery site, then: the point they were started from.
  package var parted: Checkpoint?
  /// From the recovery site: whether it is giving those up for the protected ones.
  package var isGivenUp: Bool?
  /// From the protected site: whether a VM is being restored there, or rests so; nil from an older
  /// release, which cannot follow VMs into a VPG of their own either.
  package var isRestoring: Bool?

  package init(
    definition: VPGDefinition,
    status: VPGStatus,
    substatus: VPGSubstatus,
    progress: Double,
    isPaused: Bool,
    lastTest: WallTime?,
    testStage: String?,
    streams: [StreamStatus],
    writesPerSecond: Double,
    bytesPerSecond: Double,
    journals: [JournalStatus]
  ) {
    self.definition = definition
    self.status = status
    self.substatus = substatus
    self.progress = progress
    self.isPaused = isPaused
    self.lastTest = lastTest
    self.testStage = testStage
    self.streams = streams
    self.writesPerSecond = writesPerSecond
    self.bytesPerSecond = bytesPerSecond
    self.journals = journals
  }
}

/// What a protected VM uses at its site: rates of the last second or so, processor and memory of
/// the last minute.
package struct VMUse: Codable, Sendable, Equatable {
  package var applianceName = ""
  package var writesPerSecond = 0.0
  package var bytesPerSecond = 0.0
  package var sentBytesPerSecond = 0.0
  /// nil if it was not measured, or the VM is off.
  package var cpuUsedInMHz: Int?
  package var activeMemoryInMB: Int?
  package var consumedMemoryInMB: Int?

  package init() {}
}

/// The recovery site is ready for the VPG's streams.
package struct PrepareReply: Codable, Sendable, Equatable {
  /// Where each stream is to be sent.
  package var targets: [StreamIdentifier: StreamTarget]
  /// How far journals and replicas are that go to other datastores, if the definition was known.
  ///
  /// Those that are where they are to be are not among them.
  package var moves: [StreamIdentifier: JournalStatus.Move]?

  package init(
    targets: [StreamIdentifier: StreamTarget],
    moves: [StreamIdentifier: JournalStatus.Move]? = nil
  ) {
    self.targets = targets
    self.moves = moves
  }

  /// A recovery appliance.
  package struct StreamTarget: Codable, Sendable, Equatable {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
      self.host = host
      self.port = port
    }
  }
}

/// Carry out an operation that was asked for at the caller's site.
package struct OperationRequest: Codable, Sendable, Equatable {
  package var operation: VPGOperation
  package var userName: String

  package init(operation: VPGOperation, userName: String) {
    self.operation = operation
    self.userName = userName
  }
}

/// Create a VPG that was defined at the caller's site.
package struct CreateRequest: Codable, Sendable, Equatable {
  package var definition: VPGDefinition
  package var userName: String

  package init(definition: VPGDefinition, userName: String) {
    self.definition = definition
    self.userName = userName
  }
}

/// The task that was begun.
package struct TaskReply: Codable, Sendable, Equatable {
  package var task: TaskIdentifier

  package init(task: TaskIdentifier) { self.task = task }
}

/// What a protected VM is beside its disks, for the site that would recover it.
package struct BlueprintRequest: Codable, Sendable, Equatable {
  package var stream: StreamIdentifier
  package var blueprint: VMBlueprint

  package init(stream: StreamIdentifier, blueprint: VMBlueprint) {
    self.stream = stream
    self.blueprint = blueprint
  }
}

/// What the recovery site asks about the protected VMs during a failover.
package struct SourceRequest: Codable, Sendable, Equatable {
  /// The wish.
  package enum Wish: String, Codable, Sendable {
    /// Shut the VMs down as the policy says, and go on sending what they wrote.
    case handOver
    /// Make a checkpoint of VMs that are off, and answer once every journal has it.
    case settle
    /// Say where the way back would lead.
    case describe
    /// Stop protecting; shut the VMs down as the policy says.
    case standDown
    /// The failover was rolled back: start what was shut down, protect again.
    case standUp
    /// The failover or move was committed: forget the taps and streams for good.
    case retire
    /// Shut the VMs down as the policy says, because those at the other site count.
    case shutDown
    /// The VMs here count again: protect them as they are, from their first byte.
    case takeBack
  }

  package var wish: Wish
  package var shutdownPolicy: VPGOperation.ShutdownPolicy
  package var timeoutInSeconds: Int
  /// With ``Wish/retire``: whether the VMs' definitions are removed; their disks never are.
  package var removesVMs: Bool?
  /// The VPG as the caller has it, then those that VMs of it went to; nil, of an older release, is
  /// that none did.
  package var definitions: [VPGDefinition]?

  package init(
    wish: Wish,
    shutdownPolicy: VPGOperation.ShutdownPolicy,
    timeoutInSeconds: Int,
    removesVMs: Bool? = nil
  ) {
    self.wish = wish
    self.shutdownPolicy = shutdownPolicy
    self.timeoutInSeconds = timeoutInSeconds
    self.removesVMs = removesVMs
  }
}

/// How the protected VMs stand after a ``SourceRequest``.
package struct SourceReply: Codable, Sendable, Equatable {
  package var running: [VMIdentifier]
  /// After ``SourceRequest/Wish/settle``: the checkpoint that holds the VMs' last write.
  package var checkpoint: Checkpoint?
  /// After ``SourceRequest/Wish/describe``.
  package var reversal: Reversal?

  package init(
    running: [VMIdentifier],
    checkpoint: Checkpoint? = nil,
    reversal: Reversal? = nil
  ) {
    self.running = running
    self.checkpoint = checkpoint
    self.reversal = reversal
  }
}
