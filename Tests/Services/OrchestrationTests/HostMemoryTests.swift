// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import RecoveryModel
import Store
import Testing

@testable import Orchestration

/// A recovery site of two hosts, of which the second falls silent.
struct HostMemoryTests {
  /// Paris as a manager finds it that was started anew.
  private static func parisAgain(_ sites: TwoSites) async throws -> Site {
    let hosts = [sites.parisHypervisor, sites.parisSecondHypervisor]
    return try await sites.parisAgain(HostGroup(hosts, at: ["kvm3", "kvm4"], events: EventHub()))
  }

  @Test func `a manager that is started while a host is silent recovers VMs at the others`()
    async throws
  {
    let sites = try await TwoSites(parisHasSecondHost: true)
    try await sites.run {
      _ = try await sites.protectedVPG()
      _ = await sites.parisSecondHypervisor.add("other", disks: 1)
      _ = try await sites.parisHosts.inventory()
      _ = await HostMemory(context: sites.parisSite.context).keep()
    }
    let vpg = try #require(try await sites.parisStore.vpgs().first?.definition.identifier)
    await sites.parisSecondHypervisor.setSilent(true)
    let paris = try await Self.parisAgain(sites)
    let inventory = try await paris.context.hypervisor.inventory()
    #expect(inventory.hosts.map(\.isConnected) == [true, false])
    #expect(inventory.virtualMachines.map(\.name) == ["other"])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await sites.londonSite.run() }
      group.addTask { await paris.run() }
      defer { group.cancelAll() }
      let test = try await paris.perform(.failoverTest(.init()), on: vpg, user: "ann")
      try await sites.finished(test, at: paris)
      #expect(await sites.parisHypervisor.machines.values.map(\.power) == [.running])
      let stop = try await paris.perform(
        .failoverTestStop(succeeded: true, summary: ""),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(stop, at: paris)
      #expect(await sites.parisHypervisor.machines.isEmpty)
    }
  }

  @Test func `a datastore is available while its host answers and can use it`() async throws {
    let sites = try await TwoSites(parisHasSecondHost: true)
    func available() async throws -> [Bool] {
      try await sites.parisSite.datastores().map(\.isAvailable)
    }
    #expect(try await available() == [true, true])
    await sites.parisHypervisor.setDatastoreFault("its folder: Input/output error")
    #expect(try await available() == [false, true])
    await sites.parisSecondHypervisor.setSilent(true)
    #expect(try await available() == [false, false])
  }

  @Test func `what may be at a silent host is not taken for gone`() async throws {
    let sites = try await TwoSites(parisHasSecondHost: true)
    _ = try await sites.parisHosts.inventory()
    await sites.parisSecondHypervisor.setSilent(true)
    let context = sites.parisSite.context
    await #expect(throws: SiteError.self) {
      try await context.removeOwnVM(uuid: "u", from: sites.parisSecondHypervisor.host)
    }
    try await context.removeOwnVM(uuid: "u", from: sites.parisHypervisor.host)
  }
}
