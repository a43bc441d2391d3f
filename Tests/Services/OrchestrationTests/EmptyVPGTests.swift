// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@Suite struct EmptyVPGTests {
  @Test func `a VPG begins without VMs, gets one, loses it, and is deleted`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      let vm = await sites.londonHypervisor.add("web1", disks: 2)
      let wish = sites.definition(vm)
      var empty = wish
      empty.vms = []
      try await sites.finished(
        try await sites.londonSite.create(empty, user: "ann"),
        at: sites.londonSite
      )
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("the VPG is seen to be empty") {
          try await site.vpg(wish.identifier).substatus == .emptyProtectionGroup
        }
      }
      for operation: VPGOperation in [
        .insertCheckpoint(tag: "x"), .failoverTest(.init(checkpoint: nil, vms: [])),
      ] {
        await #expect(throws: SiteError.self) {
          try await sites.parisSite.perform(operation, on: wish.identifier, user: "ann")
        }
      }
      try await change(sites, wish.identifier) { $0.vms = wish.vms }
      try await eventually("the VM is protected") {
        try await sites.londonSite.vpg(wish.identifier).status == .meetingSLA
      }
      try await change(sites, wish.identifier) { $0.vms = [] }
      #expect(await sites.parisAppliance.journals.isEmpty)
      try await eventually("its taps are gone") { await sites.londonAppliance.streamCount() == 0 }
      #expect(try await sites.londonSite.vpg(wish.identifier).substatus == .emptyProtectionGroup)

      try await sites.finished(
        try await sites.londonSite.perform(
          .delete(keepsRecoveryVolumes: false, force: false),
          on: wish.identifier,
          user: "ann"
        ),
        at: sites.londonSite
      )
      #expect(try await sites.londonSite.vpgs().isEmpty)
      #expect(try await sites.parisSite.vpgs().isEmpty)
    }
  }

  private func change(
    _ sites: TwoSites,
    _ vpg: VPGIdentifier,
    _ body: (inout VPGDefinition) -> Void
  ) async throws {
    var wish = try await sites.londonSite.vpg(vpg).definition
    wish.generation += 1
    body(&wish)
    let task = try await sites.londonSite.perform(.update(wish), on: vpg, user: "ann")
    try await sites.finished(task, at: sites.londonSite)
  }
}
