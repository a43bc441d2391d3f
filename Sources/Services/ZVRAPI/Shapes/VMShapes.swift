// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

// Protected VMs as the API shows them.

extension APIValue {
  static func vm(_ view: ProtectedVMView, _ links: Links) -> APIValue {
    let vpg = view.vpg.definition
    let machine = view.virtualMachine
    let name = view.vm.identifier.rawValue
    let provisioned = view.vm.volumes.reduce(0) { $0 + Int($1.byteCount >> 20) }
    let limits = view.vm.journal ?? vpg.journal
    return .object(
      "VmApi",
      [
        "VmIdentifier": .string(name),
        "VmName": .string(machine?.name ?? view.vm.name),
        "VpgIdentifier": .identifier(vpg.identifier),
        "VpgName": .string(vpg.name),
        "OrganizationName": .string(view.vpg.organisationName),
        "Priority": APIEnumerations.vpgPriority.value(vpg.policy.priority.rawValue),
        "Status": APIEnumerations.vpgStatus.value(view.vpg.status.rawValue),
        "SubStatus": APIEnumerations.vpgSubstatus.value(view.vpg.substatus.rawValue),
        "ProvisionedStorageInMB": .integer(machine?.provisionedInMB ?? provisioned),
        "UsedStorageInMB": .integer(machine?.usedInMB ?? 0),
        "CpuCoresNum": .integer((machine?.hardware ?? view.vm.hardware).cpuCount),
        "MemorySizeInMB": .integer((machine?.hardware ?? view.vm.hardware).memoryInMB),
        "JournalUsedStorageMb": .integer(view.journalUsedInMB),
        "JournalHardLimit": journalLimit(limits.hardLimitInMB, limits.hardLimitInPercent),
        "JournalWarningThreshold": journalLimit(
          limits.warningThresholdInMB,
          limits.warningThresholdInPercent
        ),
        "IOPs": .integer(whole(view.writesPerSecond)),
        "ThroughputInMB": .double(view.throughputInMBPerSecond),
        "OutgoingBandWidthInMbps": .double(view.outgoingMbitPerSecond),
        "ActualRPO": .integer(view.actualRPOInSeconds),
        "LastTest": .date(view.vpg.lastTest),
        "ProtectedSiteName": .string(view.vpg.protectedSiteName),
        "RecoverySiteName": .string(view.vpg.recoverySiteName),
        "SourceSite": .string(view.vpg.protectedSiteName),
        "TargetSite": .string(view.vpg.recoverySiteName),
        "ProtectedSite": links.site(vpg.protectedSite),
        "RecoverySite": links.site(vpg.recoverySite),
        "Entities": entities,
        "EnabledActions": .object(
          "VmEnabledActionsApi",
          [
            "IsFlrEnabled": .bool(vpg.recoverySite == links.localSite)
          ]
        ),
        "IsVmExists": .bool(machine != nil),
        "RecoveryHostIdentifier": .identifier(view.vm.host ?? vpg.recovery.host),
        "RecoveryHostName": .string(view.recoveryHostName),
        "OwningHostIdentifier": .identifier(machine?.host),
        "OwningHostName": .string(view.hostName),
        "OwningDatastoreIdentifier": .identifier(machine?.disks.first?.datastore),
        "OwningDatastoreName": .string(view.datastoreName),
        "GuestOs": .text(machine?.guestOS),
        "HardwareVersion": .string((machine?.hardware ?? view.vm.hardware).machine),
        "IsAgentInstalled": .bool((machine?.hardware ?? view.vm.hardware).hasGuestAgent),
        "VmNetworkInformation": machine.map(networkInformation) ?? .null,
        "Nics": nics(view.vm.nics.map(\.identifier)),
        "Volumes": volumes(view.vm.volumes.map(\.identifier)),
        "PlatformInformation": .null,
        "Link": .object(
          "VmResourceLink",
          [
            "vpg_identifier": .identifier(vpg.identifier),
            "instance_identifier": .null,
            "identifier": .string(name),
            "rel": .null,
            "href": links.link("VmApi", "vms", name).object?["href"] ?? .null,
            "type": .string("VmApi"),
          ]
        ),
        "Link_{0}": links.selfLink("VmApi", "vms", name),
      ]
    )
  }

  /// A journal limit in the unit it was given in; without one, unlimited.
  private static func journalLimit(_ megabytes: Int?, _ percent: Int?) -> APIValue {
    let (kind, amount) =
      if let megabytes { (1, megabytes) } else if let percent { (2, percent) } else { (0, 0) }
    return .object(
      "VmJournalLimitApi",
      [
        "LimitType": APIEnumerations.journalLimitType.value(kind),
        "LimitValue": .integer(amount),
      ]
    )
  }
}
