// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

struct LeavingTests {
  @Test func `a VM that leaves its VPG leaves no replica behind`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      var wish = sites.definition(await sites.londonHypervisor.add("web1", disks: 1))
      wish.vms += sites.definition(await sites.londonHypervisor.add("db1", disks: 1)).vms
      try await sites.finished(
        try await sites.londonSite.create(wish, user: "ann"),
        at: sites.londonSite
      )
      var edited = try await sites.londonSite.vpg(wish.identifier).definition
      #expect(await sites.parisAppliance.journals.count == 2)
      edited.vms.removeLast()
      edited.generation += 1
      try await sites.finished(
        try await sites.londonSite.perform(
          .update(edited),
          on: wish.identifier,
          user: "ann"
        ),
        at: sites.londonSite
      )
      #expect(await sites.parisAppliance.journals.count == 1)
      #expect(await sites.parisAppliance.keptReplicas == [false])
    }
  }

  @Test func `a deletion that a restart interrupts deletes the replicas all the same`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.londonAppliance.setHanging(true)
      _ = try await sites.londonSite.perform(
        .delete(keepsRecoveryVolumes: false, force: false),
        on: definition.identifier,
        user: "ann"
      )
      try await eventually("it is being deleted") {
        try await sites.londonSite.vpg(definition.identifier).status == .deleting
      }
    }
    await sites.londonAppliance.setHanging(false)
    let london = try await sites.londonAgain()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await london.run() }
      group.addTask { await sites.parisSite.run() }
      defer { group.cancelAll() }
      try await eventually("it is deleted") { try await london.vpgs().isEmpty }
    }
    #expect(await sites.parisAppliance.keptReplicas == [false])
  }
}
