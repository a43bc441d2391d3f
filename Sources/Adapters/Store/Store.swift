// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What a manager must remember over a restart.
///
/// Every call is durable when it returns.
package protocol Store: CatalogueStore, ReportStore, RetentionStore {
  /// Ends its connections; calls afterwards fail.
  func close() async throws(StoreError)

  /// Returns once no other manager acts on this store, and none does from then on.
  ///
  /// `onWaiting` is told what is waited for, whenever that changes. `onLost` is called if another
  /// manager may act later: the process must have stopped acting when it returns.
  ///
  /// - Throws: `CancellationError` if the task is cancelled while it waits.
  func becomeActive(
    onWaiting: @escaping @Sendable (String) -> Void,
    onLost: @escaping @Sendable (String) -> Void
  ) async throws

  // MARK: Sites

  func peers() async throws(StoreError) -> [PeerRecord]
  func save(_ peer: PeerRecord) async throws(StoreError)
  func removePeer(_ site: SiteIdentifier) async throws(StoreError)
  /// Up to when a peer's history was heard; nil if never.
  func heardHistory(of site: SiteIdentifier) async throws(StoreError) -> HeardHistoryRecord?
  func save(_ heard: HeardHistoryRecord) async throws(StoreError)
  /// What the site's hosts had when they last answered; nil if there is only one, or none did.
  func hostsLastSeen() async throws(StoreError) -> HostsLastSeenRecord?
  func save(_ hosts: HostsLastSeenRecord) async throws(StoreError)

  func pairingTokens() async throws(StoreError) -> [PairingTokenRecord]
  func save(_ token: PairingTokenRecord) async throws(StoreError)
  /// Takes a token away and returns it; nil if there is none, so that it works only once.
  func takePairingToken(_ identifier: String) async throws(StoreError) -> PairingTokenRecord?

  /// How the site's streams use its line; nil if nobody has said.
  func replicationSettings() async throws(StoreError) -> ReplicationSettings?
  func save(_ settings: ReplicationSettings) async throws(StoreError)

  /// Nil if nobody ever set one.
  func tweaks() async throws(StoreError) -> Tweaks?
  func save(_ tweaks: Tweaks) async throws(StoreError)

  /// What calls of the API said of appliances.
  func appliances() async throws(StoreError) -> [ApplianceRecord]
  func save(_ appliance: ApplianceRecord) async throws(StoreError)
  func removeAppliance(_ appliance: ApplianceIdentifier) async throws(StoreError)

  // MARK: Users

  func user(_ name: String) async throws(StoreError) -> UserRecord?
  func save(_ user: UserRecord) async throws(StoreError)
  func removeUser(_ name: String) async throws(StoreError)

  /// Who has which role, by subject.
  func roles() async throws(StoreError) -> [RoleRecord]
  func save(_ role: RoleRecord) async throws(StoreError)
  func removeRole(of subject: String) async throws(StoreError)

  /// Programs that log on by a secret.
  func clients() async throws(StoreError) -> [ClientRecord]
  func save(_ client: ClientRecord) async throws(StoreError)
  func removeClient(_ identifier: String) async throws(StoreError)

  /// What signs tokens; nil before the first.
  func tokenState() async throws(StoreError) -> TokenStateRecord?
  func save(_ state: TokenStateRecord) async throws(StoreError)

  /// What a person is shown before logging on; nil if nobody has said.
  func loginBanner() async throws(StoreError) -> LoginBannerRecord?
  func save(_ banner: LoginBannerRecord) async throws(StoreError)

  // MARK: Audit

  /// What was done within the bounds, newest first, at most `limit`.
  func audit(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(StoreError) -> [AuditRecord]
  /// Adds to the audit log, which takes no change and no removal but by age.
  func append(_ record: AuditRecord) async throws(StoreError)
  /// Removes what is older from the audit log; how many records that were.
  func removeAudit(before time: WallTime) async throws(StoreError) -> Int

  // MARK: VPGs

  func vpgs() async throws(StoreError) -> [VPGRecord]
  func save(_ vpg: VPGRecord) async throws(StoreError)
  /// Keeps all of them or none.
  func save(_ vpgs: [VPGRecord]) async throws(StoreError)
  func removeVPG(_ vpg: VPGIdentifier) async throws(StoreError)

  /// Definitions that were exported, newest first.
  func vpgExports() async throws(StoreError) -> [VPGExportRecord]
  func save(_ export: VPGExportRecord) async throws(StoreError)
  func removeVPGExport(at time: WallTime) async throws(StoreError)

  /// Guests whose file systems may be frozen by this site.
  func frozenGuests() async throws(StoreError) -> [FrozenGuestRecord]
  func save(_ guest: FrozenGuestRecord) async throws(StoreError)
  func removeFrozenGuest(_ vm: VMIdentifier) async throws(StoreError)

  /// What the VM of a stream is beside its disks; nil if its site has not said so yet.
  func blueprint(of stream: StreamIdentifier) async throws(StoreError) -> BlueprintRecord?
  func save(_ blueprint: BlueprintRecord) async throws(StoreError)
  func removeBlueprint(of stream: StreamIdentifier) async throws(StoreError)

  // MARK: Work

  /// Recovery operations that are not finished, as their state machines last stood.
  func workflows() async throws(StoreError) -> [WorkflowRecord]
  func save(_ workflow: WorkflowRecord) async throws(StoreError)
  func removeWorkflow(_ identifier: String) async throws(StoreError)

  /// Tasks, newest first; only those that began at `start` or later, if it is not nil.
  func tasks(since start: WallTime?) async throws(StoreError) -> [TaskRecord]
  func task(_ identifier: TaskIdentifier) async throws(StoreError) -> TaskRecord?
  func save(_ task: TaskRecord) async throws(StoreError)

  /// Events within the bounds, newest first, at most `limit`.
  func events(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(StoreError) -> [EventRecord]
  func event(_ identifier: String) async throws(StoreError) -> EventRecord?
  func save(_ event: EventRecord) async throws(StoreError)
  /// Keeps all of the events or none.
  func save(_ events: [EventRecord]) async throws(StoreError)

  /// The alerts that are on.
  func alerts() async throws(StoreError) -> [AlertRecord]
  func save(_ alert: AlertRecord) async throws(StoreError)
  func removeAlert(_ identifier: String) async throws(StoreError)
}

extension Store {
  /// All tasks, newest first.
  package func tasks() async throws(StoreError) -> [TaskRecord] { try await tasks(since: nil) }

  /// A store that one manager alone can reach needs no more.
  package func becomeActive(
    onWaiting: @escaping @Sendable (String) -> Void,
    onLost: @escaping @Sendable (String) -> Void
  ) async throws {}
}

/// A paired site.
package struct PeerRecord: Codable, Sendable, Equatable {
  package var site: SiteIdentifier
  package var name: String
  package var location: String
  package var version: String
  /// Where its manager takes peers' calls.
  package var host: String
  package var port: Int
  /// The certificate of the authority of the site, in PEM.
  package var authority: String
  package var pairedAt: WallTime

  package init(
    site: SiteIdentifier,
    name: String,
    location: String,
    version: String,
    host: String,
    port: Int,
    authority: String,
    pairedAt: WallTime
  ) {
    self.site = site
    self.name = name
    self.location = location
    self.version = version
    self.host = host
    self.port = port
    self.authority = authority
    self.pairedAt = pairedAt
  }
}

/// A token for pairing that was given out and not used.
package struct PairingTokenRecord: Codable, Sendable, Equatable {
  package var identifier: String
  package var secret: [UInt8]
  package var expires: WallTime

  package init(identifier: String, secret: [UInt8], expires: WallTime) {
    self.identifier = identifier
    self.secret = secret
    self.expires = expires
  }
}

/// A user of the manager's own.
package struct UserRecord: Codable, Sendable, Equatable {
  package var name: String
  /// As crypt(3) writes it.
  package var passwordHash: String

  package init(name: String, passwordHash: String) {
    self.name = name
    self.passwordHash = passwordHash
  }
}

/// A role given to someone; what the texts mean is the manager's business.
package struct RoleRecord: Codable, Sendable, Equatable {
  package var subject: String
  package var role: String

  package init(subject: String, role: String) {
    self.subject = subject
    self.role = role
  }
}

/// A program that logs on by a secret.
package struct ClientRecord: Codable, Sendable, Equatable {
  package var identifier: String
  /// As crypt(3) writes it.
  package var secretHash: String

  package init(identifier: String, secretHash: String) {
    self.identifier = identifier
    self.secretHash = secretHash
  }
}

/// The keys that sign tokens, the newest last, and the sessions that were ended before their time.
package struct TokenStateRecord: Codable, Sendable, Equatable {
  package var keys: [Key] = []
  /// Until when tokens of an ended session could be valid, by session.
  package var ended: [String: WallTime] = [:]

  package init() {}

  /// A private key in PEM.
  package struct Key: Codable, Sendable, Equatable {
    package var identifier: String
    package var pem: String
    package var made: WallTime

    package init(identifier: String, pem: String, made: WallTime) {
      self.identifier = identifier
      self.pem = pem
      self.made = made
    }
  }
}

/// What a person is shown before logging on.
package struct LoginBannerRecord: Codable, Sendable, Equatable {
  package var isShown: Bool
  package var text: String

  package init(isShown: Bool, text: String) {
    self.isShown = isShown
    self.text = text
  }
}

/// Something that someone did or tried.
package struct AuditRecord: Codable, Sendable, Equatable {
  /// A lower-case GUID.
  package var identifier: String
  package var occurred: WallTime
  /// The name as it came, where it was not proven.
  package var user: String
  /// Empty where nobody was logged on.
  package var role: String
  /// The address of the caller; empty for the machine itself.
  package var source: String
  /// What was done: the method and path of a call, or a command.
  package var action: String
  /// The status of the answer, as HTTP counts.
  package var status: Int
  /// Why it was refused; empty if it was not.
  package var reason: String

  package init(
    identifier: String,
    occurred: WallTime,
    user: String,
    role: String,
    source: String,
    action: String,
    status: Int,
    reason: String
  ) {
    self.identifier = identifier
    self.occurred = occurred
    self.user = user
    self.role = role
    self.source = source
    self.action = action
    self.status = status
    self.reason = reason
  }
}

/// What calls of the API said of an appliance, beside or in place of the manager's configuration.
package struct ApplianceRecord: Codable, Sendable, Equatable {
  package var identifier: ApplianceIdentifier
  /// The name of appliances that share something, such as a line; nil is the usual one.
  package var group: String?
  /// Whether it was taken out of service.
  package var isOut = false
  /// Where it is; nil is where the configuration says.
  package var place: Place?

  package init(identifier: ApplianceIdentifier) { self.identifier = identifier }

  /// The host an appliance serves, and where it is reached.
  package struct Place: Codable, Sendable, Equatable {
    package var hostName: String
    package var controlHost: String
    package var controlPort: Int
    package var streamHost: String
    package var streamPort: Int
    /// The appliance's number in the API.
    package var number: Int64

    package init(
      hostName: String,
      controlHost: String,
      controlPort: Int,
      streamHost: String,
      streamPort: Int,
      number: Int64
    ) {
      self.hostName = hostName
      self.controlHost = controlHost
      self.controlPort = controlPort
      self.streamHost = streamHost
      self.streamPort = streamPort
      self.number = number
    }
  }
}

/// Up to when this site has heard what a peer did, by the peer's clock.
package struct HeardHistoryRecord: Codable, Sendable, Equatable {
  package var site: SiteIdentifier
  package var until: WallTime

  package init(site: SiteIdentifier, until: WallTime) {
    self.site = site
    self.until = until
  }
}

/// What hosts had when they last answered, as JSON, by their addresses.
package struct HostsLastSeenRecord: Codable, Sendable, Equatable {
  package var hosts: [String: String]

  package init(hosts: [String: String]) { self.hosts = hosts }
}

/// A VPG and what this site knows about it beyond its definition.
package struct VPGRecord: Codable, Sendable, Equatable {
  package var definition: VPGDefinition
  package var isPaused: Bool
  package var lastTest: WallTime?
  /// The phase that survives restarts.
  package var phase: Phase
  /// At the protected site: VMs a failover shut down, to be started when it is rolled back.
  package var shutDown: [VMIdentifier]
  /// While it is being deleted: how.
  package var deletion: Deletion?
  /// At the protected site: disks that are left to other tools for a while.
  package var suspensions: [TapSuspension] = []
  /// At the protected site: disks of temporary data that the recovery site has, once and for all.
  package var settled: Set<SettledDisk> = []
  /// At the recovery site: the definition that the VPG is being changed to, which holds once all
  /// of it is in place.
  package var pending: VPGDefinition?
  /// At the recovery site, of a failover or move that is committed: what was recovered.
  package var recovered: Recovered?
  /// At the recovery site, of a VPG with a policy: how far its scheduled copies are.
  package var retention: RetentionStanding?

  package init(
    definition: VPGDefinition,
    isPaused: Bool = false,
    lastTest: WallTime? = nil,
    phase: Phase = .protecting,
    shutDown: [VMIdentifier] = []
  ) {
    self.definition = definition
    self.isPaused = isPaused
    self.lastTest = lastTest
    self.phase = phase
    self.shutDown = shutDown
  }

  private enum CodingKeys: String, CodingKey {
    case definition, isPaused, lastTest, phase, shutDown, deletion, suspensions, settled
    case pending, recovered, retention
  }

  /// Reads a record of any age: what an older manager did not know is as if it was never used.
  ///
  /// Every member has its line here; one that is forgotten is lost when the manager starts again.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    definition = try values.decode(VPGDefinition.self, forKey: .definition)
    isPaused = try values.decode(Bool.self, forKey: .isPaused)
    lastTest = try values.decodeIfPresent(WallTime.self, forKey: .lastTest)
    phase = try values.decode(Phase.self, forKey: .phase)
    shutDown = try values.decode([VMIdentifier].self, forKey: .shutDown)
    deletion = try values.decodeIfPresent(Deletion.self, forKey: .deletion)
    suspensions = try values.decodeIfPresent([TapSuspension].self, forKey: .suspensions) ?? []
    settled = try values.decodeIfPresent(Set<SettledDisk>.self, forKey: .settled) ?? []
    pending = try values.decodeIfPresent(VPGDefinition.self, forKey: .pending)
    recovered = try values.decodeIfPresent(Recovered.self, forKey: .recovered)
    retention = try values.decodeIfPresent(RetentionStanding.self, forKey: .retention)
  }

  /// Where the VPG is in its life.
  package enum Phase: String, Codable, Sendable {
    case creating
    case protecting
    /// The VMs are shut down for a move, and what they wrote last is being sent.
    case handingOver
    case failingOver
    case recovered
    case deleting
  }

  /// What a failover or move made of a VPG's VMs.
  package struct Recovered: Codable, Sendable, Equatable {
    /// The point they were started from.
    package var checkpoint: Checkpoint
    /// The recovered VMs, by the protected ones.
    package var vms: [VMIdentifier: VMIdentifier]
    /// Whether they are being given up for the protected ones.
    package var isGivenUp = false

    package init(checkpoint: Checkpoint, vms: [VMIdentifier: VMIdentifier]) {
      self.checkpoint = checkpoint
      self.vms = vms
    }
  }

  /// How a VPG is being deleted, so that it can be gone on with.
  package struct Deletion: Codable, Sendable, Equatable {
    package var keepsReplicas: Bool
    /// What the VPG is again if it cannot be deleted.
    package var phaseBefore: Phase

    package init(keepsReplicas: Bool, phaseBefore: Phase) {
      self.keepsReplicas = keepsReplicas
      self.phaseBefore = phaseBefore
    }
  }
}

/// A VM that is recovered at this site, as its own site last described it.
package struct BlueprintRecord: Codable, Sendable, Equatable {
  package var stream: StreamIdentifier
  package var blueprint: VMBlueprint

  package init(stream: StreamIdentifier, blueprint: VMBlueprint) {
    self.stream = stream
    self.blueprint = blueprint
  }
}

/// A guest that is being frozen, or is frozen, for a checkpoint.
///
/// It is kept from before the guest is asked until it is known to be thawed.
package struct FrozenGuestRecord: Codable, Sendable, Equatable {
  package var vm: VMIdentifier
  package var name: String
  package var vpg: VPGIdentifier
  /// The run of the VM, as the hypervisor counts them: another one is not frozen.
  package var runIdentifier: Int?

  package init(vm: VMIdentifier, name: String, vpg: VPGIdentifier, runIdentifier: Int?) {
    self.vm = vm
    self.name = name
    self.vpg = vpg
    self.runIdentifier = runIdentifier
  }
}

/// Definitions of VPGs as they were when somebody exported them.
package struct VPGExportRecord: Codable, Sendable, Equatable {
  /// Names the export.
  package var time: WallTime
  package var vpgs: [Entry]

  package init(time: WallTime, vpgs: [Entry]) {
    self.time = time
    self.vpgs = vpgs
  }

  /// One VPG, with its sites' names as they were.
  package struct Entry: Codable, Sendable, Equatable {
    package var definition: VPGDefinition
    package var protectedSiteName: String
    package var recoverySiteName: String

    package init(definition: VPGDefinition, protectedSiteName: String, recoverySiteName: String) {
      self.definition = definition
      self.protectedSiteName = protectedSiteName
      self.recoverySiteName = recoverySiteName
    }
  }
}

/// An unfinished recovery operation.
package struct WorkflowRecord: Codable, Sendable, Equatable {
  package var identifier: String
  package var vpg: VPGIdentifier
  package var kind: String
  /// The state machine, as JSON.
  package var state: String

  package init(identifier: String, vpg: VPGIdentifier, kind: String, state: String) {
    self.identifier = identifier
    self.vpg = vpg
    self.kind = kind
    self.state = state
  }
}

/// Why the store did not keep or find something.
///
/// Texts are the database's own.
package enum StoreError: Error, Equatable, Sendable {
  case unavailable(String)
  case corrupt(String)
}
