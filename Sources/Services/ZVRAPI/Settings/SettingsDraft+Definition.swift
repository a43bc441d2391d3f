// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
internal import RecoveryModel

// Reading a finished draft as the definition of a VPG. Nothing is judged here: the site says
// everything that is wrong with the definition, member by member.

extension SettingsDraft {
  /// The VPG that the draft describes.
  ///
  /// `machines`: The hypervisor's view of VMs that are new in the VPG; one that is not there is
  /// left for the site to refuse. `local` is the site that is asked: it protects if nobody says
  /// which site does.
  func definition(
    machines: [VMIdentifier: VirtualMachine],
    local: SiteIdentifier
  ) throws(APIError) -> VPGDefinition {
    let basic = tree.object("Basic")
    var definition = VPGDefinition(
      identifier: base?.identifier ?? VPGIdentifier(UUID().uuidString.lowercased()),
      generation: (base?.generation ?? 0) + 1,
      name: try basic.text("Name")?.trimmingCharacters(in: .whitespaces) ?? "",
      description: base?.description ?? "",
      protectedSite: try site("ProtectedSiteIdentifier", of: basic),
      recoverySite: try site("RecoverySiteIdentifier", of: basic),
      policy: try policy(basic),
      bootGroups: try bootGroups(),
      journal: try Self.limits(tree.object("Journal")),
      scratch: try Self.limits(tree.object("Scratch")),
      networks: VPGDefinition.DefaultNetworks(
        failover: try tree.object("Networks", "Failover", "Hypervisor")
          .identifier("DefaultNetworkIdentifier"),
        failoverTest: try tree.object("Networks", "FailoverTest", "Hypervisor")
          .identifier("DefaultNetworkIdentifier")
      ),
      recovery: VPGDefinition.RecoveryDefaults(
        host: try tree.object("Recovery").identifier("DefaultHostIdentifier"),
        datastore: try tree.object("Recovery").identifier("DefaultDatastoreIdentifier"),
        folder: try tree.object("Recovery").identifier("DefaultFolderIdentifier"),
        resourcePool: try resourcePool()
      )
    )
    if definition.protectedSite.rawValue.isEmpty, definition.recoverySite != local {
      definition.protectedSite = local
    }
    definition.scripting.preRecovery = try script("PreRecovery")
    definition.scripting.postRecovery = try script("PostRecovery")
    if tree.value("Scripting", "PostBackup") != .null {
      definition.scripting.postBackup = try script("PostBackup")
    }
    definition.retention = try retention()
    for vm in vms { definition.vms.append(try protectedVM(vm, machines: machines)) }
    return definition
  }

  /// The VPG's resource pool, which has two names: the one that was changed counts.
  private func resourcePool() throws(APIError) -> ResourcePoolIdentifier? {
    let recovery = tree.object("Recovery")
    let known = base?.recovery.resourcePool
    let usual: ResourcePoolIdentifier? = try recovery.identifier("DefaultResourcePoolIdentifier")
    return usual == known ? try recovery.identifier("ResourcePoolIdentifier") : usual
  }

  private func site(
    _ member: String,
    of basic: APIObject
  ) throws(APIError) -> SiteIdentifier {
    SiteIdentifier(try basic.text(member)?.lowercased() ?? "")
  }

  private func policy(_ basic: APIObject) throws(APIError) -> VPGDefinition.Policy {
    var policy = base?.policy ?? VPGDefinition.Policy()
    let defaults = VPGDefinition.Policy()
    policy.rpoTargetInSeconds =
      try basic.integer("RpoInSeconds") ?? defaults.rpoTargetInSeconds
    policy.testIntervalInMinutes =
      try basic.integer("TestIntervalInMinutes")
      ?? defaults.testIntervalInMinutes
    policy.journalHistoryInHours =
      try basic.integer("JournalHistoryInHours")
      ?? defaults.journalHistoryInHours
    let priority = try basic.number("Priority", of: APIEnumerations.vpgPriority)
    policy.priority =
      priority.flatMap(VPGDefinition.Priority.init(rawValue:)) ?? defaults.priority
    policy.usesWANCompression = try basic.flag("UseWanCompression") ?? defaults.usesWANCompression
    policy.serviceProfile = try basic.name("ServiceProfileIdentifier")
    policy.zorg = try basic.name("ZorgIdentifier")
    return policy
  }

  private func bootGroups() throws(APIError) -> [VPGDefinition.BootGroup] {
    var groups: [VPGDefinition.BootGroup] = []
    for item in tree.object("BootGroups")["BootGroups"]?.items ?? [] {
      guard let object = item.object else { continue }
      let identifier = try object.name("BootGroupIdentifier") ?? UUID().uuidString.lowercased()
      groups.append(
        VPGDefinition.BootGroup(
          identifier: identifier,
          name: try object.name("Name") ?? VPGDefinition.BootGroup.default.name,
          delayInSeconds: try object.integer("BootDelayInSeconds") ?? 0
        )
      )
    }
    let usual = VPGDefinition.BootGroup.default
    return groups.contains { $0.identifier == usual.identifier } ? groups : [usual] + groups
  }

  private func script(_ member: String) throws(APIError) -> VPGDefinition.Script {
    let object = tree.object("Scripting", member)
    var script = VPGDefinition.Script()
    script.command = try object.name("Command")
    script.parameters = try object.name("Parameters")
    script.timeoutInSeconds =
      try object.integer("TimeoutInSeconds") ?? script.timeoutInSeconds
    return script
  }

  /// A journal's or scratch's limits.
  private static func limits(
    _ object: APIObject
  ) throws(APIError) -> VPGDefinition.StorageLimits {
    let limitation = object.object("Limitation")
    return VPGDefinition.StorageLimits(
      datastore: try object.identifier("DatastoreIdentifier"),
      hardLimitInMB: try limitation.integer("HardLimitInMB"),
      hardLimitInPercent: try limitation.integer("HardLimitInPercent"),
      warningThresholdInMB: try limitation.integer("WarningThresholdInMB"),
      warningThresholdInPercent: try limitation.integer("WarningThresholdInPercent")
    )
  }

  // MARK: VMs

  private func protectedVM(
    _ entry: APIObject,
    machines: [VMIdentifier: VirtualMachine]
  ) throws(APIError) -> VPGDefinition.ProtectedVM {
    let identifier = VMIdentifier(try entry.text("VmIdentifier") ?? "")
    var vm: VPGDefinition.ProtectedVM
    if let known = base?.vms.first(where: { $0.identifier == identifier }) {
      vm = known
    } else {
      vm = try Self.newVM(identifier, entry, machines[identifier])
    }
    let group = try entry.name("BootGroupIdentifier")
    vm.bootGroup = group == VPGDefinition.BootGroup.default.identifier ? nil : group
    let recovery = entry.object("Recovery")
    vm.host = try recovery.identifier("HostIdentifier")
    vm.datastore = try recovery.identifier("DatastoreIdentifier")
    vm.folder = try recovery.identifier("FolderIdentifier")
    vm.resourcePool = try recovery.identifier("ResourcePoolIdentifier")
    let journal = try Self.limits(entry.object("Journal"))
    vm.journal = journal == VPGDefinition.StorageLimits() ? nil : journal
    let scratch = try Self.limits(entry.object("Scratch"))
    vm.scratch = scratch == VPGDefinition.StorageLimits() ? nil : scratch
    try readDevices(of: entry, into: &vm)
    return vm
  }

  private static func newVM(
    _ identifier: VMIdentifier,
    _ entry: APIObject,
    _ machine: VirtualMachine?
  ) throws(APIError) -> VPGDefinition.ProtectedVM {
    VPGDefinition.ProtectedVM(
      identifier: identifier,
      name: machine?.name ?? "",
      stream: StreamIdentifier(UUID().uuidString.lowercased()),
      nics: (machine?.nics ?? []).map { VPGDefinition.ProtectedNIC(identifier: $0.identifier) },
      volumes: (machine?.disks ?? []).enumerated().map { number, disk in
        VPGDefinition.ProtectedVolume(
          identifier: disk.identifier,
          number: number,
          target: disk.target,
          byteCount: disk.byteCount
        )
      },
      hardware: machine?.hardware
        ?? VMHardware(
          memoryInMB: 0,
          cpuCount: 0,
          architecture: "",
          machine: "",
          hasGuestAgent: false,
          macAddresses: []
        )
    )
  }

  private func readDevices(
    of entry: APIObject,
    into vm: inout VPGDefinition.ProtectedVM
  ) throws(APIError) {
    for object in (entry["Volumes"]?.items ?? []).compactMap(\.object) {
      let name = try object.text("VolumeIdentifier")
      guard let index = vm.volumes.firstIndex(where: { $0.identifier.rawValue == name }) else {
        continue
      }
      try Self.read(object, into: &vm.volumes[index])
    }
    for object in (entry["Nics"]?.items ?? []).compactMap(\.object) {
      let name = try object.text("NicIdentifier")
      guard let index = vm.nics.firstIndex(where: { $0.identifier.rawValue == name }) else {
        continue
      }
      vm.nics[index].failover = try Self.network(object.object("Failover", "Hypervisor"))
      vm.nics[index].failoverTest = try Self.network(object.object("FailoverTest", "Hypervisor"))
    }
  }

  /// What says the same as nothing at all is kept as nothing.
  private static func read(
    _ object: APIObject,
    into volume: inout VPGDefinition.ProtectedVolume
  ) throws(APIError) {
    volume.datastore = try object.object("Datastore").identifier("DatastoreIdentifier")
    volume.isThin = try object.object("Datastore").flag("IsThin") == false ? false : nil
    volume.isSwap = try object.flag("IsSwap")
    let settings = try object.name("VolumeSyncSettings")
    volume.syncSettings = settings?.isSame(as: "ContinuousSync") == true ? nil : settings
    let preseed = object.object("Preseed")
    volume.preseed =
      preseed.members.allSatisfy(\.value.isUnset)
      ? nil
      : VPGDefinition.Preseed(
        datastore: try preseed.identifier("DatastoreIdentifier"),
        path: try preseed.name("Path")
      )
  }

  private static func network(_ object: APIObject) throws(APIError) -> VPGDefinition.NICRecovery {
    var network = VPGDefinition.NICRecovery()
    network.network = try object.identifier("NetworkIdentifier")
    network.replacesMACAddress = try object.flag("ShouldReplaceMacAddress") ?? false
    network.dnsSuffix = try object.name("DnsSuffix")
    network.replacesAddresses = try object.flag("ShouldReplaceIpConfiguration")
    guard let configuration = object["IpConfig"]?.object else { return network }
    if network.replacesAddresses == true { network.replacesAddresses = nil }
    network.usesDHCP = try configuration.flag("IsDhcp") ?? false
    network.address = try configuration.name("StaticIp")
    network.subnetMask = try configuration.name("SubnetMask")
    network.gateway = try configuration.name("Gateway")
    network.primaryDNS = try configuration.name("PrimaryDns")
    network.secondaryDNS = try configuration.name("SecondaryDns")
    return network
  }
}

extension APIObject {
  /// Text that says something: nil if absent, null or empty.
  func name(_ member: String) throws(APIError) -> String? {
    guard let text = try text(member), !text.isEmpty else { return nil }
    return text
  }

  fileprivate func identifier<Name: Identifier>(_ member: String) throws(APIError) -> Name? {
    try name(member).map { Name(rawValue: $0) }
  }
}
