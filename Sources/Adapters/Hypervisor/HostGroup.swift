// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

/// Several hosts as one hypervisor: a site sees what all of them have, and a VM is wherever it
/// runs.
///
/// Where a VM is, is asked of every host with each call, so a migration needs no notice. While a
/// host does not answer, only VMs that run at another one are certain: whatever else is asked fails
/// with ``HypervisorError/unreachable(_:)``, so that no VM is taken for gone, or started twice.
package final class HostGroup: Hypervisor {
  private let hosts: [any Hypervisor]
  private let addresses: [String]
  private let hub: EventHub
  /// What each host had when it last answered, by its place in `hosts`.
  private let seen = Mutex<[Int: Inventory]>([:])

  /// - Parameters:
  ///   - hosts: They give a VM the same identifier wherever it is.
  ///   - addresses: Where they are, each different, and the same after a restart.
  ///   - hub: Where all of them send their events.
  package init(_ hosts: [any Hypervisor], at addresses: [String], events hub: EventHub) {
    precondition(hosts.count == addresses.count, "each host has an address")
    self.hosts = hosts
    self.addresses = addresses
    self.hub = hub
  }

  // MARK: What is remembered

  package func lastSeen() -> [String: Inventory] {
    let known = seen.withLock { $0.map { (addresses[$0.key], $0.value) } }
    return Dictionary(known) { first, _ in first }
  }

  package func recall(_ inventories: [String: Inventory]) {
    seen.withLock { seen in
      for (index, address) in addresses.enumerated() where seen[index] == nil {
        seen[index] = inventories[address]
      }
    }
  }

  package func events() -> AsyncStream<HypervisorEvent> { hub.listen() }

  // MARK: All hosts

  package func tryAccount(_ account: HypervisorAccount) async throws(HypervisorError) -> Bool {
    let answers = await ask { host throws(HypervisorError) in try await host.tryAccount(account) }
    var isAsked = false
    for answer in answers where try answer.get() { isAsked = true }
    return isAsked
  }

  package func use(_ account: HypervisorAccount) {
    for host in hosts { host.use(account) }
  }

  /// What every host answers, in their order.
  func ask<Answer: Sendable>(
    _ question: @escaping @Sendable (any Hypervisor) async throws(HypervisorError) -> Answer
  ) async -> [Result<Answer, HypervisorError>] {
    await withTaskGroup { group in
      for (index, host) in hosts.enumerated() {
        group.addTask {
          do throws(HypervisorError) {
            return (index, Result<Answer, HypervisorError>.success(try await question(host)))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      var answers: [Int: Result<Answer, HypervisorError>] = [:]
      for await (index, answer) in group { answers[index] = answer }
      return answers.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  /// A host that does not answer is shown as it last was, and as not connected.
  package func inventory() async throws(HypervisorError) -> Inventory {
    let answers = await ask { host throws(HypervisorError) in try await host.inventory() }
    if !answers.contains(where: { (try? $0.get()) != nil }), let first = answers.first {
      return try first.get()
    }
    var merged = Inventory()
    for (index, answer) in answers.enumerated() {
      switch answer {
      case .success(let found):
        seen.withLock { $0[index] = found }
        merged.add(found)
      case .failure(let error):
        // What it has is not known at all: nobody may conclude from what is missing.
        guard var old = seen.withLock({ $0[index] }) else { throw error }
        for index in old.hosts.indices { old.hosts[index].isConnected = false }
        merged.add(old)
      }
    }
    return merged
  }

  /// That of the first host that answers.
  package func version() async throws(HypervisorError) -> String {
    let answers = await ask { host throws(HypervisorError) in try await host.version() }
    for case .success(let version) in answers { return version }
    guard let first = answers.first else { return "" }
    return try first.get()
  }

  package func usage(
    of machines: [VMIdentifier]
  ) async throws(HypervisorError) -> [VMIdentifier: VMUsage] {
    let answers = await ask { host throws(HypervisorError) in try await host.usage(of: machines) }
    var merged: [VMIdentifier: VMUsage] = [:]
    for case .success(let found) in answers { merged.merge(found) { first, _ in first } }
    if merged.isEmpty, let first = answers.first { return try first.get() }
    return merged
  }

  /// A network of one name is on several hosts; the address is kept where the VM is.
  package func reservedAddress(
    of macAddress: String,
    on network: NetworkIdentifier
  ) async throws(HypervisorError) -> String? {
    let answers = await ask { host throws(HypervisorError) in
      try await host.reservedAddress(of: macAddress, on: network)
    }
    for case .success(let address?) in answers { return address }
    for case .failure(let error) in answers where error != .noSuchNetwork(network) { throw error }
    return nil
  }

  // MARK: Where a VM is

  package func power(
    of vm: VMIdentifier
  ) async throws(HypervisorError) -> VirtualMachine.PowerState? {
    try await place(of: vm)?.power
  }

  package func virtualMachine(
    _ vm: VMIdentifier
  ) async throws(HypervisorError) -> VirtualMachine? {
    try await place(of: vm)?.host.virtualMachine(vm)
  }

  private struct Place {
    var host: any Hypervisor
    var power: VirtualMachine.PowerState
  }

  /// Where a VM runs, else where it is defined; a migration leaves definitions behind.
  private func place(of vm: VMIdentifier) async throws(HypervisorError) -> Place? {
    let answers = await ask { host throws(HypervisorError) in try await host.power(of: vm) }
    func first(_ power: VirtualMachine.PowerState) -> Place? {
      zip(hosts, answers).first { (try? $0.1.get()) == power }.map {
        Place(host: $0.0, power: power)
      }
    }
    if let active = first(.running) ?? first(.paused) { return active }
    for answer in answers { _ = try answer.get() }
    return first(.off)
  }

  /// The host a VM is at.
  ///
  /// Throws ``HypervisorError/noSuchVM(_:)``.
  func home(of vm: VMIdentifier) async throws(HypervisorError) -> any Hypervisor {
    guard let place = try await place(of: vm) else { throw .noSuchVM(vm) }
    return place.host
  }

  /// The host with an identifier.
  private func host(_ identifier: HostIdentifier) async throws(HypervisorError) -> any Hypervisor {
    func known() -> (any Hypervisor)? {
      seen.withLock { seen in
        seen.first { $0.value.hosts.contains { $0.identifier == identifier } }
          .map { hosts[$0.key] }
      }
    }
    if let host = known() { return host }
    _ = try await inventory()
    guard let host = known() else {
      throw .failed(operation: "find the host \(identifier)", reason: "the site has no such host")
    }
    return host
  }

  // MARK: Recovery

  package func startRecoveredVM(
    _ specification: RecoveredVM
  ) async throws(HypervisorError) -> VMIdentifier {
    try await host(specification.host).startRecoveredVM(specification)
  }

  package func define(_ specification: ClonedVM) async throws(HypervisorError) -> VMIdentifier {
    try await host(specification.host).define(specification)
  }

  /// Definitions that migrations left behind go too, but for those of hosts that do not answer
  /// while the VM runs at another one.
  package func remove(_ vm: VMIdentifier) async throws(HypervisorError) {
    let answers = await ask { host throws(HypervisorError) in
      let power = try await host.power(of: vm)
      if power != nil { try await host.remove(vm) }
      return power
    }
    // One that is paused may be on its way here from a host that is silent, and run there.
    let ran = answers.contains { (try? $0.get()) == .running }
    for answer in answers {
      do { _ = try answer.get() } catch {
        // It runs at one place at most, and is gone from there.
        if ran, case .unreachable = error { continue }
        throw error
      }
    }
  }
}

extension Inventory {
  /// Adds what another host has.
  ///
  /// A VM at two hosts is at the one where it runs; networks and pools of one name and the folder
  /// are shared.
  fileprivate mutating func add(_ other: Inventory) {
    hosts += other.hosts
    datastores += other.datastores
    for network in other.networks {
      if let index = networks.firstIndex(where: { $0.identifier == network.identifier }) {
        networks[index].hosts += network.hosts
      } else {
        networks.append(network)
      }
    }
    for folder in other.folders
    where !folders.contains(where: { $0.identifier == folder.identifier }) {
      folders.append(folder)
    }
    for pool in other.resourcePools
    where !resourcePools.contains(where: { $0.identifier == pool.identifier }) {
      resourcePools.append(pool)
    }
    for vm in other.virtualMachines {
      if let index = virtualMachines.firstIndex(where: { $0.identifier == vm.identifier }) {
        if vm.power.rank < virtualMachines[index].power.rank { virtualMachines[index] = vm }
      } else {
        virtualMachines.append(vm)
      }
    }
    virtualMachines.sort { ($0.name, $0.identifier) < ($1.name, $1.identifier) }
  }
}

extension VirtualMachine.PowerState {
  /// The lower, the surer it is that the VM is here.
  fileprivate var rank: Int {
    switch self {
    case .running: 0
    case .paused: 1
    case .off: 2
    }
  }
}
