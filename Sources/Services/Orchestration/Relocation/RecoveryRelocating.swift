// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Other hosts for VMs that are recovered at this site.
package protocol RecoveryRelocating: Sendable {
  /// The VMs that an appliance of this site recovers, and where they could go.
  func relocationChoice(
    from appliance: ApplianceIdentifier
  ) async throws(SiteError) -> RelocationChoice
  /// Begins to have VMs recovered on other hosts; nil is all that the appliance recovers, spread by
  /// load, but for those that cannot go.
  func relocate(
    _ machines: [VMIdentifier: HostIdentifier]?,
    from appliance: ApplianceIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier
}

/// The VMs that an appliance recovers, and the hosts with another appliance that could instead.
package struct RelocationChoice: Sendable, Equatable {
  /// A host a VM could go to.
  package struct Target: Sendable, Equatable {
    package var host: HostIdentifier
    package var hostName: String
    /// How many VMs its appliance recovers.
    package var load: Int

    package init(host: HostIdentifier, hostName: String, load: Int) {
      self.host = host
      self.hostName = hostName
      self.load = load
    }
  }

  /// A VM that is recovered by the appliance.
  package struct Machine: Sendable, Equatable {
    package var vm: VMIdentifier
    package var name: String
    /// Why it cannot go to a host, by host; those without an entry can take it.
    package var obstacles: [HostIdentifier: String]

    package init(vm: VMIdentifier, name: String, obstacles: [HostIdentifier: String]) {
      self.vm = vm
      self.name = name
      self.obstacles = obstacles
    }
  }

  package var appliance: ApplianceIdentifier
  package var machines: [Machine]
  package var targets: [Target]

  package init(appliance: ApplianceIdentifier, machines: [Machine], targets: [Target]) {
    self.appliance = appliance
    self.machines = machines
    self.targets = targets
  }

  /// Why a VM cannot go to a host; nil if it can.
  package func obstacle(of vm: VMIdentifier, to host: HostIdentifier) -> String? {
    guard let machine = machines.first(where: { $0.vm == vm }) else {
      return "the appliance \(appliance) recovers no VM \(vm)"
    }
    guard targets.contains(where: { $0.host == host }) else {
      return "no other appliance runs on the host \(host)"
    }
    return machine.obstacles[host]
  }

  /// Why a VM cannot go anywhere.
  package func obstacle(of vm: VMIdentifier) -> String {
    guard let first = targets.first else { return "no other appliance is running" }
    return obstacle(of: vm, to: first.host) ?? "no host can take it"
  }

  /// Gives each VM to the appliance that recovers the fewest of those that can take it, the `fixed`
  /// ones counted; VMs that cannot go anywhere have no entry.
  package func spread(
    _ wanted: [VMIdentifier],
    fixed: [VMIdentifier: HostIdentifier] = [:]
  ) -> [VMIdentifier: HostIdentifier] {
    var loads = Dictionary(targets.map { ($0.host, $0.load) }) { first, _ in first }
    for host in fixed.values { loads[host, default: 0] += 1 }
    var result: [VMIdentifier: HostIdentifier] = [:]
    for vm in wanted {
      if let host = fixed[vm] {
        result[vm] = host
        continue
      }
      let able = targets.filter { obstacle(of: vm, to: $0.host) == nil }
      guard let best = able.min(by: { loads[$0.host, default: 0] < loads[$1.host, default: 0] })
      else { continue }
      loads[best.host, default: 0] += 1
      result[vm] = best.host
    }
    return result
  }
}
