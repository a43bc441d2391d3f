// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hypervisor
import RecoveryModel
import Store

/// A site at which there is something of what a manager remembers: a protected VM and one that is
/// not, a task, an event, a report, a service profile, an organisation and an export.
struct FilledSite {
  private static let time = WallTime(milliseconds: 1_732_370_400_000)
  private static let zorg = "6b1f2c0e-0000-4000-8000-0000000000c1"
  private static let profile = "6b1f2c0e-0000-4000-8000-0000000000c2"
  private static let vpg = VPGIdentifier("6b1f2c0e-0000-4000-8000-0000000000a1")
  private static let event = "6b1f2c0e-0000-4000-8000-0000000000e1"
  static let recovery = "6b1f2c0e-0000-4000-8000-0000000000d1"
  private static let task = "6b1f2c0e-0000-4000-8000-0000000000b1"

  let hypervisor: EmptyHypervisor
  /// Where the VPG is recovered; nil is the site itself.
  var recoverySite: SiteIdentifier?

  init(name: String) {
    var hypervisor = EmptyHypervisor(name: name)
    hypervisor.machines = ["web1", "app1"].map { Self.machine($0, of: name) }
    self.hypervisor = hypervisor
  }

  private static func machine(_ name: String, of site: String) -> VirtualMachine {
    VirtualMachine(
      identifier: VMIdentifier("\(site).vm-\(name)"),
      name: name,
      host: HostIdentifier("\(site).host-1"),
      power: .running,
      runIdentifier: 7,
      hardware: VMHardware(
        memoryInMB: 160,
        cpuCount: 1,
        architecture: "x86_64",
        machine: "pc-q35-7.2",
        hasGuestAgent: true,
        macAddresses: ["52:54:00:00:00:01"]
      ),
      disks: [
        .init(
          identifier: VolumeIdentifier("scsi:0:0"),
          target: "vda",
          byteCount: 1 << 30,
          allocatedByteCount: 1 << 29,
          path: "/nowhere/\(name)",
          datastore: DatastoreIdentifier("\(site).datastore-1")
        )
      ],
      nics: []
    )
  }

  /// Puts it all into a store that no manager has opened yet.
  func fill(_ store: any Store, _ site: SiteIdentifier) async throws {
    try await store.save(Organisation(identifier: Self.zorg, name: "Tenant"))
    try await store.save(ServiceProfile(identifier: Self.profile, name: "Gold"))
    try await store.save(VPGRecord(definition: definition(site)))
    var task = TaskRecord(
      identifier: TaskIdentifier("\(Self.task).\(site)"),
      kind: .failoverTest,
      initiatedBy: "ann",
      started: Self.time,
      vpgs: [Self.vpg],
      sites: [site]
    )
    (task.state, task.progress, task.completed) = (.completed, 100, Self.time)
    try await store.save(task)
    try await store.save(
      EventRecord(
        identifier: Self.event,
        kind: .failoverTest,
        occurred: Self.time,
        description: "A test began.",
        succeeded: true,
        userName: "ann",
        vpgs: [Self.vpg],
        site: site
      )
    )
    try await store.save(report)
  }

  private func definition(_ site: SiteIdentifier) -> VPGDefinition {
    let name = hypervisor.name
    let machine = hypervisor.machines[0]
    var definition = VPGDefinition(
      identifier: Self.vpg,
      name: "web",
      protectedSite: site,
      recoverySite: recoverySite ?? site,
      networks: .init(
        failover: NetworkIdentifier("\(name).network-1"),
        failoverTest: NetworkIdentifier("\(name).network-1")
      ),
      recovery: .init(
        host: HostIdentifier("\(name).host-1"),
        datastore: DatastoreIdentifier("\(name).datastore-1"),
        folder: FolderIdentifier("\(name).group-root")
      ),
      vms: [
        VPGDefinition.ProtectedVM(
          identifier: machine.identifier,
          name: machine.name,
          stream: StreamIdentifier("6b1f2c0e-0000-4000-8000-0000000000f1"),
          nics: [],
          volumes: [],
          hardware: machine.hardware
        )
      ]
    )
    definition.policy.zorg = Self.zorg
    definition.policy.serviceProfile = Self.profile
    return definition
  }

  private var report: RecoveryReport {
    RecoveryReport(
      identifier: Self.recovery,
      kind: .failoverTest,
      vpg: Self.vpg,
      vpgName: "web",
      protectedSiteName: hypervisor.name,
      recoverySiteName: hypervisor.name,
      user: "ann",
      checkpoint: Checkpoint(identifier: CheckpointIdentifier(1), time: Self.time, tag: ""),
      began: Self.time,
      recovered: Self.time,
      ended: Self.time,
      failure: "",
      notes: "",
      steps: [],
      machines: [],
      defaults: .init(hostName: "", datastoreName: "", networkName: "")
    )
  }

  /// Where what there is can be read.
  func paths(_ site: SiteIdentifier) -> [String] {
    [
      "vpgs/\(Self.vpg)", "vms/\(hypervisor.machines[0].identifier)", "tasks/\(Self.task).\(site)",
      "events/\(Self.event)", "zorgs/\(Self.zorg)", "serviceprofiles/\(Self.profile)",
      "virtualizationsites/\(site)/hosts/\(hypervisor.name).host-1",
    ].map { "/v1/\($0)" }
  }

  /// What the path's parameters are called, with something that there is.
  func parameters(_ site: SiteIdentifier) -> [String: String] {
    let name = hypervisor.name
    return [
      "siteIdentifier": site.rawValue, "vpgIdentifier": Self.vpg.rawValue,
      "vmIdentifier": hypervisor.machines[0].identifier.rawValue,
      "taskIdentifier": "\(Self.task).\(site)", "eventIdentifier": Self.event,
      "recoveryOperationIdentifier": Self.recovery, "zorgIdentifier": Self.zorg,
      "serviceProfileIdentifier": Self.profile, "hostIdentifier": "\(name).host-1",
      "datastoreIdentifier": "\(name).datastore-1", "volumeIdentifier": "scsi:0:0",
    ]
  }
}
