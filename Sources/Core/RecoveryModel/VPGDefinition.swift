// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What an administrator asked for: which VMs are protected together, where they are recovered and
/// by which policy.
///
/// Both sites of the VPG hold the same definition.
package struct VPGDefinition: Hashable, Sendable {
  /// A copy of a definition, of which there are many each second, copies one reference.
  private var members: Shared<Members>

  private struct Members: Hashable, Codable, Sendable {
    var identifier: VPGIdentifier
    var generation: Int
    var name: String
    var description: String
    var protectedSite: SiteIdentifier
    var recoverySite: SiteIdentifier
    var policy: Policy
    var bootGroups: [BootGroup]
    var journal: StorageLimits
    var scratch: StorageLimits
    var networks: DefaultNetworks
    var recovery: RecoveryDefaults
    var scripting: Scripting
    var vms: [ProtectedVM] { didSet { derive() } }
    var retention: RetentionPolicy?

    // What follows from the VMs, and is read of every VPG of a listing.
    private(set) var streams: [StreamIdentifier] = []
    private(set) var provisionedByteCount: UInt64 = 0

    mutating func derive() {
      streams = vms.map(\.stream)
      provisionedByteCount = vms.reduce(0) { $0 + $1.volumes.reduce(0) { $0 + $1.byteCount } }
    }

    /// Of what is stored; the rest follows.
    enum CodingKeys: CodingKey {
      case identifier, generation, name, description, protectedSite, recoverySite, policy
      case bootGroups, journal, scratch, networks, recovery, scripting, vms, retention
    }
  }

  private init(_ members: Members) {
    var members = members
    members.derive()
    self.members = Shared(members)
  }

  package init(
    identifier: VPGIdentifier,
    generation: Int = 1,
    name: String,
    description: String = "",
    protectedSite: SiteIdentifier,
    recoverySite: SiteIdentifier,
    policy: Policy = Policy(),
    bootGroups: [BootGroup] = [.default],
    journal: StorageLimits = .journalDefault,
    scratch: StorageLimits = .scratchDefault,
    networks: DefaultNetworks = DefaultNetworks(),
    recovery: RecoveryDefaults = RecoveryDefaults(),
    scripting: Scripting = Scripting(),
    vms: [ProtectedVM] = []
  ) {
    self.init(
      Members(
        identifier: identifier,
        generation: generation,
        name: name,
        description: description,
        protectedSite: protectedSite,
        recoverySite: recoverySite,
        policy: policy,
        bootGroups: bootGroups,
        journal: journal,
        scratch: scratch,
        networks: networks,
        recovery: recovery,
        scripting: scripting,
        vms: vms
      )
    )
  }
}

// What is stored is the members alone.
extension VPGDefinition: Codable {
  package init(from decoder: any Decoder) throws { self.init(try Members(from: decoder)) }

  package func encode(to encoder: any Encoder) throws { try members.value.encode(to: encoder) }
}

extension VPGDefinition {
  package var identifier: VPGIdentifier {
    get { members.value.identifier }
    set { members.value.identifier = newValue }
  }
  /// Counts edits; the higher one is the newer definition.
  package var generation: Int {
    get { members.value.generation }
    set { members.value.generation = newValue }
  }
  package var name: String {
    get { members.value.name }
    set { members.value.name = newValue }
  }
  package var description: String {
    get { members.value.description }
    set { members.value.description = newValue }
  }
  package var protectedSite: SiteIdentifier {
    get { members.value.protectedSite }
    set { members.value.protectedSite = newValue }
  }
  package var recoverySite: SiteIdentifier {
    get { members.value.recoverySite }
    set { members.value.recoverySite = newValue }
  }
  package var policy: Policy {
    get { members.value.policy }
    set { members.value.policy = newValue }
  }
  package var bootGroups: [BootGroup] {
    get { members.value.bootGroups }
    set { members.value.bootGroups = newValue }
  }
  package var journal: StorageLimits {
    get { members.value.journal }
    set { members.value.journal = newValue }
  }
  package var scratch: StorageLimits {
    get { members.value.scratch }
    set { members.value.scratch = newValue }
  }
  package var networks: DefaultNetworks {
    get { members.value.networks }
    set { members.value.networks = newValue }
  }
  package var recovery: RecoveryDefaults {
    get { members.value.recovery }
    set { members.value.recovery = newValue }
  }
  package var scripting: Scripting {
    get { members.value.scripting }
    set { members.value.scripting = newValue }
  }
  package var vms: [ProtectedVM] {
    get { members.value.vms }
    set { members.value.vms = newValue }
  }
  /// Which copies are made for years; nil is none.
  package var retention: RetentionPolicy? {
    get { members.value.retention }
    set { members.value.retention = newValue }
  }

  /// The streams of the VMs.
  package var streams: [StreamIdentifier] { members.value.streams }

  package var hasServiceProfile: Bool { members.value.policy.serviceProfile != nil }
  package var hasOrganisation: Bool { members.value.policy.zorg != nil }

  /// How many VMs there are.
  package var vmCount: Int { members.value.streams.count }

  /// Bytes of all disks.
  package var provisionedByteCount: UInt64 { members.value.provisionedByteCount }
}

extension VPGDefinition {
  /// The service the VPG is to be given.
  package struct Policy: Hashable, Codable, Sendable {
    /// The RPO above which the VPG does not meet its SLA, in seconds.
    package var rpoTargetInSeconds = 300
    /// How often a failover test is due, in minutes; 0 is never.
    package var testIntervalInMinutes = 262_080
    /// How far back points in time are kept, in hours.
    package var journalHistoryInHours = 24
    package var priority = Priority.medium
    package var usesWANCompression = true
    /// Time between two checkpoints, in seconds.
    package var checkpointIntervalInSeconds = 5
    /// Time between two checkpoints for which the guests' file systems are frozen, in minutes; nil
    /// is that none are made by themselves.
    package var quiescedIntervalInMinutes: Int?
    package var serviceProfile: String?
    package var zorg: String?

    package init() {}
  }

  /// Counts the quiesced checkpoints that were due by a time; nil if none are made by themselves.
  ///
  /// It is the same for whoever counts. VPGs of one interval differ in when theirs are due, so that
  /// not all guests stand still at once.
  package func quiescedPeriod(at time: WallTime) -> Int64? {
    guard let minutes = policy.quiescedIntervalInMinutes, minutes > 0 else { return nil }
    let interval = Int64(minutes) * 60_000
    let shift = identifier.rawValue.utf8.reduce(0) { ($0 * 31 + Int64($1)) % interval }
    return (time.milliseconds + shift) / interval
  }

  /// The share of a link a VPG gets against others.
  ///
  /// Numbers are the API's.
  package enum Priority: Int, Codable, Sendable, CaseIterable {
    case low = 0
    case medium = 1
    case high = 2

    /// What a stream of the VPG counts where streams share a line.
    package var weight: Int {
      switch self {
      case .low: 1
      case .medium: 2
      case .high: 4
      }
    }
  }

  /// VMs that are started together, groups one after the other.
  package struct BootGroup: Hashable, Codable, Sendable {
    package var identifier: String
    package var name: String
    package var delayInSeconds: Int

    package init(identifier: String, name: String, delayInSeconds: Int) {
      self.identifier = identifier
      self.name = name
      self.delayInSeconds = delayInSeconds
    }

    /// The group every VM is in that names no other.
    package static let `default` = BootGroup(
      identifier: "00000000-0000-0000-0000-000000000000",
      name: "Default",
      delayInSeconds: 0
    )
  }

  /// Where journal or scratch data goes and how much of it there may be, per VM.
  ///
  /// Each limit is given in megabytes or percent, never both.
  package struct StorageLimits: Hashable, Codable, Sendable {
    package var datastore: DatastoreIdentifier?
    package var hardLimitInMB: Int?
    package var hardLimitInPercent: Int?
    package var warningThresholdInMB: Int?
    package var warningThresholdInPercent: Int?

    package init(
      datastore: DatastoreIdentifier? = nil,
      hardLimitInMB: Int? = nil,
      hardLimitInPercent: Int? = nil,
      warningThresholdInMB: Int? = nil,
      warningThresholdInPercent: Int? = nil
    ) {
      self.datastore = datastore
      self.hardLimitInMB = hardLimitInMB
      self.hardLimitInPercent = hardLimitInPercent
      self.warningThresholdInMB = warningThresholdInMB
      self.warningThresholdInPercent = warningThresholdInPercent
    }

    package static let journalDefault = StorageLimits(
      hardLimitInMB: 153_600,
      warningThresholdInMB: 115_200
    )
    package static let scratchDefault = StorageLimits(
      hardLimitInMB: 307_200,
      warningThresholdInMB: 230_400
    )
  }

  /// Networks of recovered VMs whose cards name none.
  package struct DefaultNetworks: Hashable, Codable, Sendable {
    package var failover: NetworkIdentifier?
    package var failoverTest: NetworkIdentifier?

    package init(failover: NetworkIdentifier? = nil, failoverTest: NetworkIdentifier? = nil) {
      self.failover = failover
      self.failoverTest = failoverTest
    }
  }

  /// Where VMs are recovered that name no place of their own.
  package struct RecoveryDefaults: Hashable, Codable, Sendable {
    package var host: HostIdentifier?
    package var datastore: DatastoreIdentifier?
    package var folder: FolderIdentifier?
    package var resourcePool: ResourcePoolIdentifier?

    package init(
      host: HostIdentifier? = nil,
      datastore: DatastoreIdentifier? = nil,
      folder: FolderIdentifier? = nil,
      resourcePool: ResourcePoolIdentifier? = nil
    ) {
      self.host = host
      self.datastore = datastore
      self.folder = folder
      self.resourcePool = resourcePool
    }
  }

  /// Commands the recovery manager runs around a recovery.
  package struct Scripting: Hashable, Codable, Sendable {
    package var preRecovery = Script()
    package var postRecovery = Script()
    /// What runs after a retention set was made; nil is nothing.
    package var postBackup: Script?

    package init() {}
  }

  /// One command; without `command` there is nothing to run.
  package struct Script: Hashable, Codable, Sendable {
    package var command: String?
    package var parameters: String?
    package var timeoutInSeconds = 300

    package init() {}
  }

  /// One VM of the VPG.
  ///
  /// Places left out are those of RecoveryDefaults and DefaultNetworks.
  package struct ProtectedVM: Hashable, Codable, Sendable {
    package var identifier: VMIdentifier
    package var name: String
    /// The folder its replicas are in, where that is not the VM's name: it was renamed since.
    package var replicaFolder: String?
    /// The VM's stream; made when the VM is added to the VPG.
    package var stream: StreamIdentifier
    package var bootGroup: String?
    package var host: HostIdentifier?
    package var datastore: DatastoreIdentifier?
    package var folder: FolderIdentifier?
    package var resourcePool: ResourcePoolIdentifier?
    package var journal: StorageLimits?
    package var scratch: StorageLimits?
    package var nics: [ProtectedNIC]
    package var volumes: [ProtectedVolume]
    /// Disks that were taken away, which older points in time still have.
    package var formerVolumes: [ProtectedVolume] {
      get { former ?? [] }
      set { former = newValue.isEmpty ? nil : newValue }
    }
    /// Optional, for definitions from before disks could be taken away.
    private var former: [ProtectedVolume]?
    /// What the VM is made of, as last seen at the protected site, so that the recovery site can
    /// make it anew without asking.
    package var hardware: VMHardware

    package init(
      identifier: VMIdentifier,
      name: String,
      stream: StreamIdentifier,
      nics: [ProtectedNIC],
      volumes: [ProtectedVolume],
      hardware: VMHardware
    ) {
      self.identifier = identifier
      self.name = name
      self.stream = stream
      self.nics = nics
      self.volumes = volumes
      self.hardware = hardware
    }
  }

  /// One disk of a protected VM.
  package struct ProtectedVolume: Hashable, Codable, Sendable {
    package var identifier: VolumeIdentifier
    /// By which the VM's stream names it; no other disk of the VM ever has it.
    package var number: Int
    /// The name the guest's bus gives it, such as `vda`.
    package var target: String
    package var byteCount: UInt64
    /// Where the replica is kept; nil is the VM's recovery datastore.
    package var datastore: DatastoreIdentifier?
    /// The replica's file, where that does not follow from the VPG: a disk that its VM left,
    /// or one that was made for another VPG.
    package var replicaPath: String?
    /// Whether the replica takes only the space that was written; nil is yes.
    package var isThin: Bool?
    /// A disk of the recovery site that the replica is to be made of.
    package var preseed: Preseed?
    /// How the disk is kept the same, by the API's name; nil is `ContinuousSync`.
    package var syncSettings: String?
    /// Whether the disk holds what nobody needs after a recovery: it is synced once, and what is
    /// written to it later is not sent.
    package var isSwap: Bool?

    package init(
      identifier: VolumeIdentifier,
      number: Int,
      target: String,
      byteCount: UInt64,
      datastore: DatastoreIdentifier? = nil
    ) {
      self.identifier = identifier
      self.number = number
      self.target = target
      self.byteCount = byteCount
      self.datastore = datastore
    }

    /// Reads a volume of any age: before volumes had numbers, their places in the list were these.
    ///
    /// Every member has its line here; one that is forgotten is lost.
    package init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      identifier = try values.decode(VolumeIdentifier.self, forKey: .identifier)
      number =
        try values.decodeIfPresent(Int.self, forKey: .number)
        ?? decoder.codingPath.last?.intValue ?? 0
      target = try values.decode(String.self, forKey: .target)
      byteCount = try values.decode(UInt64.self, forKey: .byteCount)
      datastore = try values.decodeIfPresent(DatastoreIdentifier.self, forKey: .datastore)
      replicaPath = try values.decodeIfPresent(String.self, forKey: .replicaPath)
      isThin = try values.decodeIfPresent(Bool.self, forKey: .isThin)
      preseed = try values.decodeIfPresent(Preseed.self, forKey: .preseed)
      syncSettings = try values.decodeIfPresent(String.self, forKey: .syncSettings)
      isSwap = try values.decodeIfPresent(Bool.self, forKey: .isSwap)
    }
  }

  /// A disk that is at the recovery site before its VM is protected.
  package struct Preseed: Hashable, Codable, Sendable {
    package var datastore: DatastoreIdentifier?
    package var path: String?

    package init(datastore: DatastoreIdentifier? = nil, path: String? = nil) {
      self.datastore = datastore
      self.path = path
    }
  }

  /// One network card of a protected VM and the networks it is on after a recovery.
  package struct ProtectedNIC: Hashable, Codable, Sendable {
    package var identifier: NICIdentifier
    package var failover: NICRecovery
    package var failoverTest: NICRecovery

    package init(identifier: NICIdentifier) {
      self.identifier = identifier
      failover = NICRecovery()
      failoverTest = NICRecovery()
    }
  }

  /// A card's place in one kind of recovery.
  package struct NICRecovery: Hashable, Codable, Sendable {
    /// nil is the VPG's default network.
    package var network: NetworkIdentifier?
    package var replacesMACAddress = false
    package var dnsSuffix: String?
    package var address: String?
    package var subnetMask: String?
    package var gateway: String?
    package var primaryDNS: String?
    package var secondaryDNS: String?
    package var usesDHCP = false
    /// Whether the addresses above are given to the card; nil is yes, if there are any.
    package var replacesAddresses: Bool?

    package init() {}

    /// Whether anything about the card's addresses is to be another than at the protected site.
    package var changesAddresses: Bool {
      dnsSuffix != nil || usesDHCP || replacesAddresses == true
        || [address, subnetMask, gateway, primaryDNS, secondaryDNS].contains { $0 != nil }
    }
  }
}

/// The parts of a VM that its recovery needs beside its disks.
package struct VMHardware: Hashable, Codable, Sendable {
  package var memoryInMB: Int
  package var cpuCount: Int
  /// The processor's architecture, such as `x86_64`.
  package var architecture: String
  /// The machine type, such as `pc-q35-7.2`.
  package var machine: String
  /// `bios` or `efi`.
  package var firmware: String
  package var hasGuestAgent: Bool
  /// MAC addresses, in the order of the cards.
  package var macAddresses: [String]

  package init(
    memoryInMB: Int,
    cpuCount: Int,
    architecture: String,
    machine: String,
    firmware: String = "bios",
    hasGuestAgent: Bool,
    macAddresses: [String]
  ) {
    self.memoryInMB = memoryInMB
    self.cpuCount = cpuCount
    self.architecture = architecture
    self.machine = machine
    self.firmware = firmware
    self.hasGuestAgent = hasGuestAgent
    self.macAddresses = macAddresses
  }
}
