// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// What of a VPG that is protected cannot become another: where its VMs' journals and replicas are.

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
      if let host = old.recoveryHost(of: kept), definition.recoveryHost(of: vm) != host {
        fixed("\(member).Recovery.HostIdentifier", "recovery host", host.rawValue)
      }
      let places = [old.journalLimits(of: kept), definition.journalLimits(of: vm)].map(\.datastore)
      if places[0] != places[1] {
        let now = places[0]?.rawValue ?? "the appliance's own folder"
        fixed("\(member).Journal.DatastoreIdentifier", "journal datastore", now)
      }
      for volume in vm.volumes {
        guard let same = kept.volumes.first(where: { $0.identifier == volume.identifier }) else {
          continue
        }
        checkPreseedChange(of: volume, from: same, member)
        guard let datastore = old.recoveryDatastore(of: same, in: kept),
          definition.recoveryDatastore(of: volume, in: vm) != datastore
        else { continue }
        fixed(
          "\(member).Volumes[\(volume.identifier)].Datastore.DatastoreIdentifier",
          "recovery datastore",
          datastore.rawValue
        )
      }
    }
  }

  private mutating func fixed(_ member: String, _ what: String, _ value: String) {
    note(
      member,
      "the \(what) of a protected VM cannot be changed yet (it is \(value)); "
        + "take the VM out of the VPG and add it again"
    )
  }
}
