// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

// What of a VPG that is protected cannot become another. An appliance moves journals and replicas
// to other datastores of its host; another appliance takes them over where they are.

extension DefinitionCheck {
  mutating func checkChange(from old: VPGDefinition) {
    if definition.protectedSite != old.protectedSite {
      note("Basic.ProtectedSiteIdentifier", "the sites of a VPG cannot be changed")
    }
    if definition.recoverySite != old.recoverySite {
      note("Basic.RecoverySiteIdentifier", "the sites of a VPG cannot be changed")
    }
    let definition = definition
    for vm in definition.vms {
      guard let kept = old.vms.first(where: { $0.identifier == vm.identifier }) else { continue }
      let member = Self.member(vm)
      let stays = definition.recoveryHost(of: vm) == old.recoveryHost(of: kept)
      for volume in vm.volumes {
        guard let same = kept.volumes.first(where: { $0.identifier == volume.identifier }) else {
          continue
        }
        if stays {
          let moves =
            definition.recoveryDatastore(of: volume, in: vm)
            != old.recoveryDatastore(of: same, in: kept)
          checkPreseedChange(of: volume, from: same, moves: moves, member)
        }
      }
    }
  }

  /// Checks VMs that are to be recovered on another host from now on: its appliance takes over
  /// journal and replicas where they are, so it has to have them at the same paths.
  ///
  /// Whether the storage is the same one, the appliances find out by themselves.
  mutating func checkRelocation(from old: VPGDefinition, _ inventory: Inventory) {
    let definition = definition
    func path(_ datastore: DatastoreIdentifier?) -> String? {
      inventory.datastores.first { $0.identifier == datastore }?.path
    }
    for vm in definition.vms {
      guard let kept = old.vms.first(where: { $0.identifier == vm.identifier }),
        let host = definition.recoveryHost(of: vm), let before = old.recoveryHost(of: kept),
        host != before
      else { continue }
      let member = Self.member(vm)
      let journal = old.journalLimits(of: kept).datastore
      if journal == nil {
        note(
          "\(member).Recovery.HostIdentifier",
          "the journal is in the folder of the appliance on \(before), where no other one finds "
            + "it; only a journal on a datastore can be taken over"
        )
      } else if path(journal) == nil
        || path(journal) != path(definition.journalLimits(of: vm).datastore)
      {
        elsewhere("\(member).Journal.DatastoreIdentifier", path(journal), host)
      }
      for volume in vm.volumes {
        guard let same = kept.volumes.first(where: { $0.identifier == volume.identifier }) else {
          continue
        }
        let place = path(old.recoveryDatastore(of: same, in: kept))
        if place != nil, place == path(definition.recoveryDatastore(of: volume, in: vm)) {
          continue
        }
        elsewhere(
          "\(member).Volumes[\(volume.identifier)].Datastore.DatastoreIdentifier",
          place,
          host
        )
      }
    }
  }

  private mutating func elsewhere(_ member: String, _ path: String?, _ host: HostIdentifier) {
    note(
      member,
      "to be recovered on \(host) it has to be on the storage it is on"
        + (path.map { ", which that host has to have at \($0) too" } ?? "")
        + "; taking the VM out of the VPG and adding it again begins anew elsewhere"
    )
  }
}
