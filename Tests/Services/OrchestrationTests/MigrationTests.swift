// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import RecoveryModel
import Testing

@testable import Orchestration

/// Sites of several hosts.
struct MigrationTests {
  @Test func `a VM that is migrated live is protected on at the other host, and the first lets go`()
    async throws
  {
    let sites = try await TwoSites(hasSecondHost: true)
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0].identifier
      #expect(await sites.secondAppliance.syncCount == 0)
      try await self.insertCheckpoint("before", definition, sites)
      await sites.secondHypervisor.takeOver(vm, from: sites.londonHypervisor)
      try await eventually("the other host's appliance has synced the VM") {
        await sites.secondAppliance.syncCount > 0
      }
      try await eventually("the first host's appliance has let go") {
        await sites.londonAppliance.streamCount() == 0
      }
      #expect(await sites.secondHypervisor.readyVolumes().count == 2)
      // What was before the migration can still be recovered, and so can what comes after it.
      try await eventually("checkpoints go on") {
        do { try await self.insertCheckpoint("after", definition, sites) } catch is SiteError {
          return false
        }
        return true
      }
      let held = try await sites.parisAppliance.checkpoints(of: definition.vms[0].stream).map(\.tag)
      #expect(held.contains("before") && held.contains("after"))
    }
  }

  @Test func `a VM of a host that does not answer is neither taken for gone nor touched`()
    async throws
  {
    let sites = try await TwoSites(hasSecondHost: true)
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.londonHypervisor.setSilent(true)
      try await self.insertCheckpoint("meanwhile", definition, sites)
      #expect(await sites.londonAppliance.streamCount() == 1)
      #expect(await sites.londonHypervisor.readyVolumes().count == 2)
      #expect(try await sites.londonSite.vpg(definition.identifier).definition.vms.count == 1)
    }
  }

  @Test func `a datastore or network that the recovery host does not have is refused by name`() {
    let (first, second) = (HostIdentifier("p.host-kvm1"), HostIdentifier("p.host-kvm2"))
    let inventory = Inventory(
      hosts: [first, second].map {
        Inventory.Host(identifier: $0, name: $0.rawValue, version: "", isConnected: true)
      },
      datastores: [first, second].map {
        Inventory.Datastore(
          identifier: DatastoreIdentifier("\($0).one"),
          host: $0,
          name: "one of \($0)",
          path: "/one",
          capacityInBytes: 0,
          freeInBytes: 0
        )
      },
      networks: [
        Inventory.Network(
          identifier: NetworkIdentifier("p.network-test"),
          hosts: [first],
          name: "test"
        )
      ]
    )
    var definition = VPGDefinition(
      identifier: VPGIdentifier("v"),
      name: "web",
      protectedSite: TwoSites.london,
      recoverySite: TwoSites.paris
    )
    definition.recovery.datastore = DatastoreIdentifier("\(first).one")
    definition.networks.failoverTest = NetworkIdentifier("p.network-test")
    definition.vms = [vm(at: first), vm(at: second)]
    var check = DefinitionCheck(definition)
    check.checkRecovery(inventory, hostsWithAppliance: [first, second])
    #expect(
      check.problems == [
        "Vms[on p.host-kvm2].Volumes[vda].Datastore.DatastoreIdentifier: the datastore one of "
          + "p.host-kvm1 is not one of the recovery host p.host-kvm2",
        "Vms[on p.host-kvm2].Nics[card].FailoverTest.Hypervisor.NetworkIdentifier: the recovery "
          + "host p.host-kvm2 has no network test",
      ]
    )
  }

  private func insertCheckpoint(
    _ tag: String,
    _ definition: VPGDefinition,
    _ sites: TwoSites
  ) async throws {
    let task = try await sites.londonSite.perform(
      .insertCheckpoint(tag: tag),
      on: definition.identifier,
      user: "ann"
    )
    try await sites.finished(task, at: sites.londonSite)
  }

  private func vm(at host: HostIdentifier) -> VPGDefinition.ProtectedVM {
    var vm = VPGDefinition.ProtectedVM(
      identifier: VMIdentifier("l.vm-\(host)"),
      name: "on \(host)",
      stream: StreamIdentifier("\(host)"),
      nics: [VPGDefinition.ProtectedNIC(identifier: NICIdentifier("card"))],
      volumes: [
        VPGDefinition.ProtectedVolume(
          identifier: VolumeIdentifier("vda"),
          number: 0,
          target: "vda",
          byteCount: 1
        )
      ],
      hardware: VMHardware(
        memoryInMB: 1,
        cpuCount: 1,
        architecture: "",
        machine: "",
        hasGuestAgent: false,
        macAddresses: []
      )
    )
    vm.host = host
    return vm
  }
}
