// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// What a definition may say, but nothing here carries out yet. It is refused, so that nobody
// relies on it; when the mechanism comes, its line goes.

extension DefinitionCheck {
  mutating func checkMechanism() {
    for vm in definition.vms {
      let member = Self.member(vm)
      for volume in vm.volumes { checkMechanism(volume, "\(member).Volumes[\(volume.identifier)]") }
      for nic in vm.nics {
        let member = "\(member).Nics[\(nic.identifier)]"
        let (real, test) = (definition.networks.failover, definition.networks.failoverTest)
        checkAddresses(nic.failover, of: vm, on: real, "\(member).Failover.Hypervisor")
        checkAddresses(nic.failoverTest, of: vm, on: test, "\(member).FailoverTest.Hypervisor")
      }
    }
  }

  /// Addresses are given by a network, or set through the guest's agent, so there has to be a way
  /// to it.
  private mutating func checkAddresses(
    _ place: VPGDefinition.NICRecovery,
    of vm: VPGDefinition.ProtectedVM,
    on network: NetworkIdentifier?,
    _ member: String
  ) {
    do throws(CardAddresses.Problem) {
      guard try CardAddresses(place) != nil else { return }
    } catch {
      return note("\(member).\(error.member)", error.words)
    }
    if place.reservedAddress != nil {
      guard place.network ?? network == nil else { return }
      return note("\(member).NetworkIdentifier", "an address is reserved on a network; name one")
    }
    // What is not known yet is checked where it is.
    guard vm.hardware.cpuCount > 0, !vm.hardware.hasGuestAgent else { return }
    note(
      "\(member).IpConfig",
      "addresses are set through the guest agent, and the VM has no channel to one"
    )
  }

  private mutating func checkMechanism(
    _ volume: VPGDefinition.ProtectedVolume,
    _ member: String
  ) {
    if let settings = volume.syncSettings, settings.lowercased() != "continuoussync" {
      note("\(member).VolumeSyncSettings", "only ContinuousSync is there yet, not \(settings)")
    }
  }
}
