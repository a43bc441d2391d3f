// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import RecoveryModel
import Store
import Testing

@testable import Orchestration

/// What a VM is beside its disks, on its way to the recovery site and back.
struct BlueprintTests {
  @Test func `what the firmware stored last is in the recovered VM, with the other site gone`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0]
      await sites.londonHypervisor.setNVRAM("first", of: vm.identifier)
      try await self.parisKnows("first", of: vm.stream, sites)
      await sites.londonHypervisor.setNVRAM("second", of: vm.identifier)
      try await sites.londonSite.blueprints.send(definition)
      sites.switchboard.setCut(true)
      let task = try await sites.parisSite.perform(
        .failover(.init(shutdownPolicy: .none)),
        on: definition.identifier,
        user: "ann"
      )
      try await sites.finished(task, at: sites.parisSite)
      let recovered = try #require(await sites.parisHypervisor.recovered.last)
      #expect(recovered.blueprint?.definition == "all of web1")
      #expect(recovered.blueprint?.files.map(\.content) == ["second"])
    }
  }

  @Test func `a move takes along what was stored up to the shutdown, and then forgets it`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0]
      await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
      try await sites.londonSite.blueprints.send(definition)
      // Whether or not anybody looks meanwhile, the move does.
      await sites.londonHypervisor.setNVRAM("at the end", of: vm.identifier)
      let (paris, vpg) = (sites.parisSite, definition.identifier)
      try await sites.finished(paris.perform(.move(.init()), on: vpg, user: "ann"), at: paris)
      let recovered = try #require(await sites.parisHypervisor.recovered.last)
      #expect(recovered.blueprint?.files.map(\.content) == ["at the end"])
      let commit = VPGOperation.moveCommit(reverseProtection: false, keepsSourceVMs: nil)
      try await sites.finished(paris.perform(commit, on: vpg, user: "ann"), at: paris)
      #expect(try await paris.context.store.blueprint(of: vm.stream) == nil)
    }
  }

  @Test func `a failover that shuts a VM down takes along what was stored up to then`() async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0]
      try await sites.londonSite.blueprints.send(definition)
      await sites.londonHypervisor.setNVRAM("at the end", of: vm.identifier)
      let failover = VPGOperation.failover(.init(shutdownPolicy: .shutdown))
      let (paris, vpg) = (sites.parisSite, definition.identifier)
      try await sites.finished(paris.perform(failover, on: vpg, user: "ann"), at: paris)
      let recovered = try #require(await sites.parisHypervisor.recovered.last)
      #expect(recovered.blueprint?.files.map(\.content) == ["at the end"])
    }
  }

  @Test func `a site takes no description of a VM that the caller does not protect`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let request = BlueprintRequest(
        stream: StreamIdentifier("another"),
        blueprint: VMBlueprint(definition: "x")
      )
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.keep(request, in: definition.identifier, from: TwoSites.london)
      }
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.keep(
          BlueprintRequest(stream: definition.vms[0].stream, blueprint: request.blueprint),
          in: definition.identifier,
          from: TwoSites.paris
        )
      }
    }
  }

  @Test func `a VM that is tied to its host is refused in words`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      let vm = await sites.londonHypervisor.add("web1", disks: 1)
      await sites.londonHypervisor.setTies(["it has a device of its host (hostdev pci)"], of: vm)
      let error = await #expect(throws: SiteError.self) {
        try await sites.londonSite.create(sites.definition(vm), user: "ann")
      }
      #expect(error?.message.contains("hostdev pci") == true)
    }
  }

  /// Waits until paris has what london's VM has stored.
  private func parisKnows(
    _ content: String,
    of stream: StreamIdentifier,
    _ sites: TwoSites
  ) async throws {
    try await eventually("paris knows the VM") {
      let record = try await sites.parisSite.context.store.blueprint(of: stream)
      return record?.blueprint.files.map(\.content) == [content]
    }
  }
}
