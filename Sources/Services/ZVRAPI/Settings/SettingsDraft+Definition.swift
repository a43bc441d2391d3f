// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
internal import RecoveryModel

// Reading a finished draft as the definition of a VPG. Only what the draft alone can tell is
// checked here; whether hosts, datastores and networks exist the site knows.

extension SettingsDraft {
  /// The VPG that the draft describes.
  ///
  /// `machines`: The hypervisor's view of VMs that are new in the VPG.
  ///
  /// Throws the first thing that is missing or wrong, by name.
  func definition(
    machines: [VMIdentifier: VirtualMachine]
  ) throws(APIError) -> VPGDefinition {
    let basic = tree.object("Basic")
    let sites = try sites(basic)
    guard let name = try basic.text("Name")?.trimmingCharacters(in: .whitespaces), !name.isEmpty
    else { throw .invalid("Basic.Name is missing") }
    guard !vms.isEmpty else { throw .invalid("the VPG \(name) has no VMs") }
    var definition = VPGDefinition(
      identifier: base?.identifier ?? VPGIdentifier(UUID().uuidString.lowercased()),
      generation: (base?.generation ?? 0) + 1,
      name: name,
      description: base?.description ?? "",
      protectedSite: sites.protected,
      recoverySite: sites.recovery,
      policy: try policy(basic),
      bootGroups: try bootGroups(),
      journal: try Self.limits(tree.object("Journal"), at: "Journal"),
      scratch: try Self.limits(tree.object("Scratch"), at: "Scratch"),
      networks: VPGDefinition.DefaultNetworks(
        failover: try tree.object("Networks", "Failover", "Hypervisor")
          .identifier("DefaultNetworkIdentifier"),
        failoverTest: try tree.object("Networks", "FailoverTest", "Hypervisor")
          .identifier("DefaultNetworkIdentifier")
      ),
      recovery: VPGDefinition.RecoveryDefaults(
        host: try tree.object("Recovery").identifier("DefaultHostIdentifier"),
        datastore: try tree.object("Recovery").identifier("DefaultDatastoreIdentifier"),
        folder: try tree.object("Recovery").identifier("DefaultFolderIdentifier")
      )
    )
    definition.scripting.preRecovery = try script("PreRecovery")
    definition.scripting.postRecovery = try script("PostRecovery")
    for vm in vms {
      definition.vms.append(
        try protectedVM(vm, groups: definition.bootGroups, machines: machines)
      )
    }
    return definition
  }

  private func sites(
    _ basic: APIObject
  ) throws(APIError) -> (protected: SiteIdentifier, recovery: SiteIdentifier) {
    guard let protected = try basic.text("ProtectedSiteIdentifier"), !protected.isEmpty else {
      throw .invalid("Basic.ProtectedSiteIdentifier is missing")
    }
    guard let recovery = try basic.text("RecoverySiteIdentifier"), !recovery.isEmpty else {
      throw .invalid("Basic.RecoverySiteIdentifier is missing")
    }
    guard !protected.isSame(as: recovery) else {
      throw .invalid("the protected and the recovery site are the same")
    }
    let sites = (SiteIdentifier(protected.lowercased()), SiteIdentifier(recovery.lowercased()))
    if let base, (base.protectedSite, base.recoverySite) != sites {
      throw .invalid("the sites of an existing VPG cannot be changed")
    }
    return sites
  }

  private func policy(_ basic: APIObject) throws(APIError) -> VPGDefinition.Policy {
    var policy = base?.policy ?? VPGDefinition.Policy()
    let defaults = VPGDefinition.Policy()
    policy.rpoTargetInSeconds =
      try basic.integer("RpoInSeconds", within: 1...86_400 * 7) ?? defaults.rpoTargetInSeconds
    policy.testIntervalInMinutes =
      try basic.integer("TestIntervalInMinutes", within: 0...5_256_000)
      ?? defaults.testIntervalInMinutes
    policy.journalHistoryInHours =
      try basic.integer("JournalHistoryInHours", within: 1...720)
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
      guard !groups.contains(where: { $0.identifier == identifier }) else {
        throw .invalid("the boot group \(identifier) is there twice")
      }
      groups.append(
        VPGDefinition.BootGroup(
          identifier: identifier,
          name: try object.name("Name") ?? VPGDefinition.BootGroup.default.name,
          delayInSeconds: try object.integer("BootDelayInSeconds", within: 0...86_400) ?? 0
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
      try object.integer("TimeoutInSeconds", within: 1...86_400) ?? script.timeoutInSeconds
    return script
  }

  /// A journal's or scratch's limits.
  ///
  /// Zero stands for no limit.
  private static func limits(
    _ object: APIObject,
    at place: String
  ) throws(APIError) -> VPGDefinition.StorageLimits {
    let limitation = object.object("Limitation")
    var values: [Int?] = []
    for name in [
      "HardLimitInMB", "HardLimitInPercent", "WarningThresholdInMB", "WarningThresholdInPercent",
    ] {
      let value = try limitation.integer(name, within: 0...Int(Int32.max))
      values.append(value == 0 ? nil : value)
    }
    guard values[0] == nil || values[1] == nil, values[2] == nil || values[3] == nil else {
      throw .invalid("\(place).Limitation: give a limit in MB or in percent, not both")
    }
    for (hard, warning) in [(values[0], values[2]), (values[1], values[3])] {
      if let hard, let warning, warning > hard {
        throw .invalid("\(place).Limitation: the warning threshold is above the hard limit")
      }
    }
    return VPGDefinition.StorageLimits(
      datastore: try object.identifier("DatastoreIdentifier"),
      hardLimitInMB: values[0],
      hardLimitInPercent: values[1],
      warningThresholdInMB: values[2],
      warningThresholdInPercent: values[3]
    )
  }

  // MARK: VMs

  private func protectedVM(
    _ entry: APIObject,
    groups: [VPGDefinition.BootGroup],
    machines: [VMIdentifier: VirtualMachine]
  ) throws(APIError) -> VPGDefinition.ProtectedVM {
    let identifier = VMIdentifier(try entry.text("VmIdentifier") ?? "")
    var vm: VPGDefinition.ProtectedVM
    if let known = base?.vms.first(where: { $0.identifier == identifier }) {
      vm = known
    } else if let machine = machines[identifier] {
      vm = Self.newVM(machine)
    } else {
      throw .invalid("the protected site has no VM \(identifier)")
    }
    let group = try entry.name("BootGroupIdentifier")
    if let group, !groups.contains(where: { $0.identifier == group }) {
      throw .invalid("\(vm.name): there is no boot group \(group)")
    }
    vm.bootGroup = group == VPGDefinition.BootGroup.default.identifier ? nil : group
    let recovery = entry.object("Recovery")
    vm.host = try recovery.identifier("HostIdentifier")
    vm.datastore = try recovery.identifier("DatastoreIdentifier")
    vm.folder = try recovery.identifier("FolderIdentifier")
    let journal = try Self.limits(entry.object("Journal"), at: "\(vm.name): Journal")
    vm.journal = journal == VPGDefinition.StorageLimits() ? nil : journal
    let scratch = try Self.limits(entry.object("Scratch"), at: "\(vm.name): Scratch")
    vm.scratch = scratch == VPGDefinition.StorageLimits() ? nil : scratch
    try readDevices(of: entry, into: &vm)
    return vm
  }

  private static func newVM(_ machine: VirtualMachine) -> VPGDefinition.ProtectedVM {
    VPGDefinition.ProtectedVM(
      identifier: machine.identifier,
      name: machine.name,
      stream: StreamIdentifier(UUID().uuidString.lowercased()),
      nics: machine.nics.map { VPGDefinition.ProtectedNIC(identifier: $0.identifier) },
      volumes: machine.disks.map {
        VPGDefinition.ProtectedVolume(
          identifier: $0.identifier,
          target: $0.target,
          byteCount: $0.byteCount
        )
      },
      hardware: machine.hardware
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
      vm.volumes[index].datastore = try object.object("Datastore")
        .identifier("DatastoreIdentifier")
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

  private static func network(_ object: APIObject) throws(APIError) -> VPGDefinition.NICRecovery {
    var network = VPGDefinition.NICRecovery()
    network.network = try object.identifier("NetworkIdentifier")
    network.replacesMACAddress = try object.flag("ShouldReplaceMacAddress") ?? false
    network.dnsSuffix = try object.name("DnsSuffix")
    guard let configuration = object["IpConfig"]?.object else { return network }
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
  fileprivate func name(_ member: String) throws(APIError) -> String? {
    guard let text = try text(member), !text.isEmpty else { return nil }
    return text
  }

  fileprivate func identifier<Name: Identifier>(_ member: String) throws(APIError) -> Name? {
    try name(member).map { Name(rawValue: $0) }
  }

  fileprivate func integer(
    _ member: String,
    within range: ClosedRange<Int>
  ) throws(APIError) -> Int? {
    guard let number = try integer(member) else { return nil }
    guard range.contains(number) else {
      throw .invalid(
        "\(member) is \(number); it must be from \(range.lowerBound) to \(range.upperBound)"
      )
    }
    return number
  }
}
