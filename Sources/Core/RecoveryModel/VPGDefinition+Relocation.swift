// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension VPGDefinition {
  /// The definition with some of its VMs recovered on other hosts, from where they are.
  ///
  /// `counterpart` names the datastore of a host that may be the same storage as a datastore of
  /// another host; nil is none. What has none keeps its datastore, which a check finds. Once all
  /// VMs are recovered on one host, what holds for new VMs is of that host too.
  package func relocating(
    _ machines: [VMIdentifier: HostIdentifier],
    counterpart: (DatastoreIdentifier, HostIdentifier) -> DatastoreIdentifier?
  ) -> VPGDefinition {
    var result = self
    result.generation += 1
    for index in vms.indices {
      let vm = vms[index]
      guard let host = machines[vm.identifier], recoveryHost(of: vm) != host else { continue }
      result.vms[index] = relocated(vm, to: host) { counterpart($0, host) ?? $0 }
    }
    guard let host = result.vms.first.flatMap(result.recoveryHost), recovery.host != nil,
      result.vms.allSatisfy({ result.recoveryHost(of: $0) == host })
    else { return result }
    let there = { (datastore: DatastoreIdentifier) in counterpart(datastore, host) ?? datastore }
    result.recovery.host = host
    result.recovery.datastore = recovery.datastore.map(there)
    result.journal.datastore = journal.datastore.map(there)
    result.scratch.datastore = scratch.datastore.map(there)
    return result
  }

  private func relocated(
    _ vm: ProtectedVM,
    to host: HostIdentifier,
    _ there: (DatastoreIdentifier) -> DatastoreIdentifier
  ) -> ProtectedVM {
    var result = vm
    result.host = host
    result.datastore = (vm.datastore ?? recovery.datastore).map(there)
    for index in vm.volumes.indices {
      result.volumes[index].datastore = recoveryDatastore(of: vm.volumes[index], in: vm).map(there)
      if let datastore = vm.volumes[index].preseed?.datastore {
        result.volumes[index].preseed?.datastore = there(datastore)
      }
    }
    if let datastore = journalLimits(of: vm).datastore {
      result.journal = vm.journal ?? journal
      result.journal?.datastore = there(datastore)
    }
    if let datastore = vm.scratch?.datastore ?? scratch.datastore {
      result.scratch = vm.scratch ?? scratch
      result.scratch?.datastore = there(datastore)
    }
    return result
  }
}
