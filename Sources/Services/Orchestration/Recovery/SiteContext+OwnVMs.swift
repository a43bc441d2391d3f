// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

extension SiteContext {
  /// Removes the VM that we started or defined under a UUID at a host, if there is one.
  ///
  /// A crash may have come between that and its record, so it is looked for.
  func removeOwnVM(uuid: String, from host: HostIdentifier?) async throws(SiteError) {
    do throws(HypervisorError) {
      let inventory = try await hypervisor.inventory()
      let found = inventory.virtualMachines.filter { $0.identifier.rawValue.hasSuffix(uuid) }
      let silent = inventory.hosts.first { $0.identifier == host && !$0.isConnected }
      if found.isEmpty, let silent {
        // What it had when it last answered does not say that there is none.
        throw HypervisorError.unreachable("the host \(silent.name) does not answer")
      }
      for vm in found { try await hypervisor.remove(vm.identifier) }
    } catch { throw SiteError(error) }
  }
}
