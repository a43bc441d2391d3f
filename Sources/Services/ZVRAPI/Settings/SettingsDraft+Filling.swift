// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// Filling settings from an existing VPG, to edit it or to copy its policy.

extension SettingsDraft {
  /// A draft that edits `vpg`.
  init(identifier: String, editing vpg: VPGDefinition) {
    var tree = Self.policy(of: vpg)
    tree["Vms"] = .list(
      vpg.vms.map { .object(Self.entry(for: $0)) },
      element: SettingsShapes.vm.type
    )
    self.init(identifier: identifier, base: vpg, tree: tree)
  }

  /// A draft of a new VPG with the policy of `vpg` and without VMs.
  init(identifier: String, copying vpg: VPGDefinition) {
    self.init(identifier: identifier, base: nil, tree: Self.policy(of: vpg))
  }

  private static func policy(of vpg: VPGDefinition) -> APIObject {
    var tree = SettingsShapes.tree.blank
    tree["Basic"] = .object(basic(of: vpg))
    tree["BootGroups"] = .object(bootGroups(of: vpg))
    for (member, limits) in [("Journal", vpg.journal), ("Scratch", vpg.scratch)] {
      tree.fill(limits, at: member)
    }
    tree.set(
      .identifier(vpg.networks.failover),
      at: "Networks",
      "Failover",
      "Hypervisor",
      "DefaultNetworkIdentifier"
    )
    tree.set(
      .identifier(vpg.networks.failoverTest),
      at: "Networks",
      "FailoverTest",
      "Hypervisor",
      "DefaultNetworkIdentifier"
    )
    tree.set(.identifier(vpg.recovery.host), at: "Recovery", "DefaultHostIdentifier")
    tree.set(.identifier(vpg.recovery.datastore), at: "Recovery", "DefaultDatastoreIdentifier")
    tree.set(.identifier(vpg.recovery.folder), at: "Recovery", "DefaultFolderIdentifier")
    for member in ["DefaultResourcePoolIdentifier", "ResourcePoolIdentifier"] {
      tree.set(.identifier(vpg.recovery.resourcePool), at: "Recovery", member)
    }
    if vpg.scripting.postBackup != nil {
      tree.set(.object(SettingsShapes.script.blank), at: "Scripting", "PostBackup")
    }
    for (member, script) in [
      ("PreRecovery", vpg.scripting.preRecovery), ("PostRecovery", vpg.scripting.postRecovery),
      ("PostBackup", vpg.scripting.postBackup ?? VPGDefinition.Script()),
    ] {
      tree.set(.text(script.command), at: "Scripting", member, "Command")
      tree.set(.text(script.parameters), at: "Scripting", member, "Parameters")
      tree.set(.integer(script.timeoutInSeconds), at: "Scripting", member, "TimeoutInSeconds")
    }
    if let policy = vpg.retention { fill(&tree, with: policy) }
    return tree
  }

  private static func basic(of vpg: VPGDefinition) -> APIObject {
    let priority = vpg.policy.priority.rawValue
    var basic = SettingsShapes.basic.blank
    basic["Name"] = .string(vpg.name)
    basic["RpoInSeconds"] = .integer(vpg.policy.rpoTargetInSeconds)
    basic["TestIntervalInMinutes"] = .integer(vpg.policy.testIntervalInMinutes)
    basic["JournalHistoryInHours"] = .integer(vpg.policy.journalHistoryInHours)
    basic["Priority"] = .enumerated(
      number: priority,
      name: APIEnumerations.vpgPriority.name(of: priority),
      isNumberInJSON: false
    )
    basic["UseWanCompression"] = .bool(vpg.policy.usesWANCompression)
    basic["ServiceProfileIdentifier"] = .text(vpg.policy.serviceProfile)
    basic["ZorgIdentifier"] = .text(vpg.policy.zorg)
    basic["ProtectedSiteIdentifier"] = .identifier(vpg.protectedSite)
    basic["RecoverySiteIdentifier"] = .identifier(vpg.recoverySite)
    return basic
  }

  private static func bootGroups(of vpg: VPGDefinition) -> APIObject {
    let groups = vpg.bootGroups.map { group in
      var object = SettingsShapes.bootGroup.blank
      object["BootGroupIdentifier"] = .string(group.identifier)
      object["Name"] = .string(group.name)
      object["BootDelayInSeconds"] = .integer(group.delayInSeconds)
      return APIValue.object(object)
    }
    var object = SettingsShapes.bootGroups.blank
    object["BootGroups"] = .list(groups, element: SettingsShapes.bootGroup.type)
    return object
  }

  private static func entry(for vm: VPGDefinition.ProtectedVM) -> APIObject {
    var object = SettingsShapes.vm.blank
    object["VmIdentifier"] = .identifier(vm.identifier)
    object["BootGroupIdentifier"] = .string(
      vm.bootGroup ?? VPGDefinition.BootGroup.default.identifier
    )
    object.set(.identifier(vm.host), at: "Recovery", "HostIdentifier")
    object.set(.identifier(vm.datastore), at: "Recovery", "DatastoreIdentifier")
    object.set(.identifier(vm.folder), at: "Recovery", "FolderIdentifier")
    object.set(.identifier(vm.resourcePool), at: "Recovery", "ResourcePoolIdentifier")
    if let limits = vm.journal { object.fill(limits, at: "Journal") }
    if let limits = vm.scratch { object.fill(limits, at: "Scratch") }
    object["Volumes"] = .list(
      vm.volumes.map { .object(entry(for: $0)) },
      element: SettingsShapes.volume.type
    )
    object["Nics"] = .list(
      vm.nics.map { nic in
        var object = SettingsShapes.nic.blank
        object["NicIdentifier"] = .identifier(nic.identifier)
        object.set(.object(network(nic.failover)), at: "Failover", "Hypervisor")
        object.set(.object(network(nic.failoverTest)), at: "FailoverTest", "Hypervisor")
        return .object(object)
      },
      element: SettingsShapes.nic.type
    )
    return object
  }

  private static func entry(for volume: VPGDefinition.ProtectedVolume) -> APIObject {
    var object = SettingsShapes.volume.blank
    object["VolumeIdentifier"] = .identifier(volume.identifier)
    object.set(.identifier(volume.datastore), at: "Datastore", "DatastoreIdentifier")
    if let isThin = volume.isThin { object.set(.bool(isThin), at: "Datastore", "IsThin") }
    if let settings = volume.syncSettings { object["VolumeSyncSettings"] = .string(settings) }
    if let isSwap = volume.isSwap { object["IsSwap"] = .bool(isSwap) }
    guard let preseed = volume.preseed else { return object }
    var place = SettingsShapes.preseed.blank
    place["DatastoreIdentifier"] = .identifier(preseed.datastore)
    place["Path"] = .text(preseed.path)
    object["Preseed"] = .object(place)
    return object
  }

  private static func network(_ recovery: VPGDefinition.NICRecovery) -> APIObject {
    var object = SettingsShapes.nicHypervisor.blank
    object["NetworkIdentifier"] = .identifier(recovery.network)
    object["ShouldReplaceMacAddress"] = .bool(recovery.replacesMACAddress)
    object["DnsSuffix"] = .text(recovery.dnsSuffix)
    if let replaces = recovery.replacesAddresses {
      object["ShouldReplaceIpConfiguration"] = .bool(replaces)
    }
    let addresses = [
      recovery.address, recovery.subnetMask, recovery.gateway, recovery.primaryDNS,
      recovery.secondaryDNS,
    ]
    guard recovery.usesDHCP || addresses.contains(where: { $0 != nil }) else { return object }
    var configuration = SettingsShapes.ipConfiguration.blank
    configuration["StaticIp"] = .text(recovery.address)
    configuration["SubnetMask"] = .text(recovery.subnetMask)
    configuration["Gateway"] = .text(recovery.gateway)
    configuration["PrimaryDns"] = .text(recovery.primaryDNS)
    configuration["SecondaryDns"] = .text(recovery.secondaryDNS)
    configuration["IsDhcp"] = .bool(recovery.usesDHCP)
    object["IpConfig"] = .object(configuration)
    object["ShouldReplaceIpConfiguration"] = .bool(recovery.replacesAddresses ?? true)
    return object
  }
}

extension APIObject {
  /// Fills a journal or scratch object, the member of that name.
  fileprivate mutating func fill(_ limits: VPGDefinition.StorageLimits, at member: String) {
    set(.identifier(limits.datastore), at: member, "DatastoreIdentifier")
    set(.integer(limits.hardLimitInMB), at: member, "Limitation", "HardLimitInMB")
    set(.integer(limits.hardLimitInPercent), at: member, "Limitation", "HardLimitInPercent")
    set(.integer(limits.warningThresholdInMB), at: member, "Limitation", "WarningThresholdInMB")
    set(
      .integer(limits.warningThresholdInPercent),
      at: member,
      "Limitation",
      "WarningThresholdInPercent"
    )
  }
}
