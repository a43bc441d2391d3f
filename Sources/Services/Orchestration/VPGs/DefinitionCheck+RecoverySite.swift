// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

// What the recovery site has.

extension DefinitionCheck {
  /// `hosts` are those of the recovery site that have an appliance.
  mutating func checkRecovery(
    _ inventory: Inventory,
    hostsWithAppliance hosts: Set<HostIdentifier>
  ) {
    let definition = definition
    let recovery = definition.recovery
    let networks = inventory.networks.map(\.identifier)
    let datastores = inventory.datastores.map(\.identifier)
    checkHost(recovery.host, inventory, hosts, "Recovery.DefaultHostIdentifier")
    known(recovery.datastore, datastores, "datastore", "Recovery.DefaultDatastoreIdentifier")
    known(
      recovery.folder,
      inventory.folders.map(\.identifier),
      "folder",
      "Recovery.DefaultFolderIdentifier"
    )
    let pools = inventory.resourcePools.map(\.identifier)
    known(
      recovery.resourcePool,
      pools,
      "resource pool",
      "Recovery.DefaultResourcePoolIdentifier"
    )
    known(definition.journal.datastore, datastores, "datastore", "Journal.DatastoreIdentifier")
    known(definition.scratch.datastore, datastores, "datastore", "Scratch.DatastoreIdentifier")
    let usual = "Hypervisor.DefaultNetworkIdentifier"
    known(definition.networks.failover, networks, "network", "Networks.Failover.\(usual)")
    known(definition.networks.failoverTest, networks, "network", "Networks.FailoverTest.\(usual)")
    for vm in definition.vms { checkRecovery(of: vm, inventory, hosts) }
  }

  private mutating func checkRecovery(
    of vm: VPGDefinition.ProtectedVM,
    _ inventory: Inventory,
    _ hosts: Set<HostIdentifier>
  ) {
    let member = Self.member(vm)
    checkPlaces(of: vm, inventory)
    let datastores = inventory.datastores.map(\.identifier)
    if definition.recoveryHost(of: vm) == nil {
      note("\(member).Recovery.HostIdentifier", "neither the VM nor the VPG has a recovery host")
    }
    checkHost(vm.host, inventory, hosts, "\(member).Recovery.HostIdentifier")
    known(vm.datastore, datastores, "datastore", "\(member).Recovery.DatastoreIdentifier")
    known(vm.journal?.datastore, datastores, "datastore", "\(member).Journal.DatastoreIdentifier")
    known(vm.scratch?.datastore, datastores, "datastore", "\(member).Scratch.DatastoreIdentifier")
    known(
      vm.folder,
      inventory.folders.map(\.identifier),
      "folder",
      "\(member).Recovery.FolderIdentifier"
    )
    known(
      vm.resourcePool,
      inventory.resourcePools.map(\.identifier),
      "resource pool",
      "\(member).Recovery.ResourcePoolIdentifier"
    )
    for volume in vm.volumes {
      let place = "\(member).Volumes[\(volume.identifier)].Datastore.DatastoreIdentifier"
      if definition.recoveryDatastore(of: volume, in: vm) == nil {
        note(place, "neither the disk nor the VM nor the VPG has a recovery datastore")
      }
      known(volume.datastore, datastores, "datastore", place)
      checkPreseed(of: volume, in: vm, inventory)
    }
    for nic in vm.nics {
      for (kind, place) in [("Failover", nic.failover), ("FailoverTest", nic.failoverTest)] {
        known(
          place.network,
          inventory.networks.map(\.identifier),
          "network",
          "\(member).Nics[\(nic.identifier)].\(kind).Hypervisor.NetworkIdentifier"
        )
      }
    }
  }

  /// Notes what of a VM's recovery is not at the host it is recovered on.
  private mutating func checkPlaces(of vm: VPGDefinition.ProtectedVM, _ inventory: Inventory) {
    guard let host = definition.recoveryHost(of: vm),
      inventory.hosts.contains(where: { $0.identifier == host })
    else { return }
    let definition = definition
    let member = Self.member(vm)
    let elsewhere = Dictionary(
      inventory.datastores.filter { $0.host != host }.map { ($0.identifier, $0.name) },
      uniquingKeysWith: { first, _ in first }
    )
    func datastores() -> [(member: String, DatastoreIdentifier?)] {
      vm.volumes.map { volume in
        (
          "\(member).Volumes[\(volume.identifier)].Datastore.DatastoreIdentifier",
          definition.recoveryDatastore(of: volume, in: vm)
        )
      } + [
        ("\(member).Journal.DatastoreIdentifier", definition.journalLimits(of: vm).datastore),
        (
          "\(member).Scratch.DatastoreIdentifier",
          vm.scratch?.datastore ?? definition.scratch.datastore
        ),
      ]
    }
    for (place, datastore) in datastores() {
      guard let name = datastore.flatMap({ elsewhere[$0] }) else { continue }
      note(place, "the datastore \(name) is not one of the recovery host \(host)")
    }
    for nic in vm.nics {
      for (kind, network) in [
        ("Failover", nic.failover.network ?? definition.networks.failover),
        ("FailoverTest", nic.failoverTest.network ?? definition.networks.failoverTest),
      ] {
        guard
          let found = inventory.networks.first(where: { $0.identifier == network }),
          !found.hosts.contains(host)
        else { continue }
        note(
          "\(member).Nics[\(nic.identifier)].\(kind).Hypervisor.NetworkIdentifier",
          "the recovery host \(host) has no network \(found.name)"
        )
      }
    }
  }

  private mutating func checkHost(
    _ host: HostIdentifier?,
    _ inventory: Inventory,
    _ hosts: Set<HostIdentifier>,
    _ member: String
  ) {
    guard let host, known(host, inventory.hosts.map(\.identifier), "host", member) else { return }
    if !hosts.contains(host) { note(member, "no appliance is installed on the host \(host)") }
  }

  @discardableResult
  private mutating func known<Name: Identifier>(
    _ name: Name?,
    _ all: [Name],
    _ what: String,
    _ member: String
  ) -> Bool {
    guard let name, !all.contains(name) else { return true }
    note(member, "the recovery site has no \(what) \(name)")
    return false
  }
}
