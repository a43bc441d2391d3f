// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Testing

/// Changes of definitions that each are right, and are not together.
@Suite struct `Two changes at the same time` {
  private enum Change {
    case create(VPGDefinition)
    case update(VPGDefinition)

    var definition: VPGDefinition {
      switch self {
      case .create(let definition), .update(let definition): definition
      }
    }

    func begin(at site: Site) async throws(SiteError) -> TaskIdentifier {
      switch self {
      case .create(let definition): try await site.create(definition, user: "ann")
      case .update(let definition):
        try await site.perform(.update(definition), on: definition.identifier, user: "ann")
      }
    }
  }

  /// Begins all of them while none can see what another one has done.
  ///
  /// - Returns: Why each was refused, empty for those that were carried out.
  private func race(
    _ sites: TwoSites,
    _ changes: [Change]
  ) async throws -> [String] {
    let london = sites.londonSite
    await sites.londonHypervisor.setHanging(true)
    let refusals = try await withThrowingTaskGroup(of: (Int, String).self) { group in
      for (index, change) in changes.enumerated() {
        group.addTask {
          let task: TaskIdentifier
          do throws(SiteError) { task = try await change.begin(at: london) } catch {
            return (index, error.message)
          }
          try await sites.finished(task, at: london)
          return (index, "")
        }
      }
      // Each looks at the other VPGs, then waits for the hypervisor.
      for change in changes {
        try await eventually("the change begins") {
          await london.context.vpgs.isChanging(change.definition.identifier)
        }
      }
      await sites.londonHypervisor.setHanging(false)
      var refusals = changes.map { _ in "" }
      for try await (index, refusal) in group { refusals[index] = refusal }
      return refusals
    }
    for change in changes {
      #expect(await !london.context.vpgs.isChanging(change.definition.identifier))
    }
    return refusals
  }

  @Test func `of two VPGs that protect a VM to one site, one is made`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      let vm = await sites.londonHypervisor.add("web1", disks: 2)
      let wishes = [sites.definition(vm, name: "one"), sites.definition(vm, name: "two")]
      let refusals = try await race(sites, wishes.map { .create($0) })
      let made = try await sites.londonSite.vpgs().map(\.definition.name)
      #expect(made.count == 1 && refusals.contains(""))
      let refusal = try #require(refusals.first { !$0.isEmpty })
      #expect(refusal.contains("Vms[web1]: the VM is protected to that site already, by the VPG"))
    }
  }

  @Test func `of two VPGs of one name, one is made`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      let wishes = [
        sites.definition(await sites.londonHypervisor.add("web1", disks: 1)),
        sites.definition(await sites.londonHypervisor.add("web2", disks: 1)),
      ]
      let refusals = try await race(sites, wishes.map { .create($0) })
      #expect(try await sites.londonSite.vpgs().count == 1)
      #expect(refusals.contains("") && refusals.contains { $0.contains("Basic.Name") })
    }
  }

  @Test func `a VM is taken into a VPG by a change, or into another that is made`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      var edited = try await sites.protectedVPG()
      let vm = await sites.londonHypervisor.add("web2", disks: 1)
      let wish = sites.definition(vm, name: "other")
      edited.generation += 1
      edited.vms.append(wish.vms[0])
      let refusals = try await race(sites, [.update(edited), .create(wish)])
      #expect(refusals.contains(""))
      #expect(refusals.contains { $0.contains("the VM is protected to that site already") })
      let holders = try await sites.londonSite.vpgs().filter { view in
        view.definition.vms.contains { $0.identifier == vm }
      }
      #expect(holders.count == 1)
    }
  }
}
