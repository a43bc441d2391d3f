// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

@Suite struct PointSearchingTests {
  /// Older than all that the sites make by themselves.
  private static let points = (1...20).map {
    Checkpoint(
      identifier: CheckpointIdentifier($0),
      time: WallTime(milliseconds: Int64($0) * 1000),
      tag: ""
    )
  }

  private static func wish(_ count: UInt64 = 20, timeout: Int = 1) -> PointSearchWish {
    PointSearchWish(
      check: PointCheck(url: nil, needsGuestAgent: true, timeoutInSeconds: timeout),
      newest: CheckpointIdentifier(count)
    )
  }

  /// A wish that looks at a file instead of starting anything.
  private static func look(
    _ vm: VMIdentifier,
    _ rule: PointCheck.FileCondition.Rule,
    _ count: UInt64 = 20
  ) -> PointSearchWish {
    var wish = wish(count, timeout: 60)
    wish.check.needsGuestAgent = false
    wish.check.files = [.init(vm: vm, path: "/vda1/good", rule: rule)]
    return wish
  }

  /// Sites with a protected VM that has those points.
  private func withPoints(
    _ body: @escaping @Sendable (TwoSites, VPGIdentifier) async throws -> Void
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.parisAppliance.put(Self.points, before: definition.vms[0].stream)
      try await body(sites, definition.identifier)
    }
  }

  private static func expectNothingLeft(_ sites: TwoSites, _ what: Comment) async {
    #expect(await sites.parisAppliance.exports().isEmpty, what)
    #expect(await sites.parisAppliance.files.isEmpty, what)
    #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty, what)
  }

  @Test func `the last good point is found, told, and nothing of the probes stays`() async throws {
    try await withPoints { sites, vpg in
      await sites.checks.setLimit(CheckpointIdentifier(13))
      let task = try await sites.parisSite.beginSearch(Self.wish(), in: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      let view = try await sites.parisSite.search(in: vpg)
      #expect(view.workflow.search.lastGood == Self.points[12])
      #expect(view.workflow.search.firstBad == Self.points[13])
      #expect(view.workflow.search.probes.count <= 5)
      #expect(view.pointCount == 20 && view.user == "ann" && view.ended != nil)
      #expect(view.summary.hasPrefix("The last good point is checkpoint 13; 14 fails"))
      let events = try await sites.parisSite.events(from: nil, to: nil, limit: 100)
      #expect(events.contains { $0.description == view.summary })
      await Self.expectNothingLeft(sites, "the end")
      #expect(try await sites.londonSite.vpg(vpg).status == .meetingSLA)

      // A manager that is started again still knows, and the next search takes its place.
      let again = try await sites.parisAgain()
      #expect(try await again.search(in: vpg) == view)
      await sites.checks.setLimit(CheckpointIdentifier(0))
      let second = try await sites.parisSite.beginSearch(Self.wish(3), in: vpg, user: "bob")
      try await sites.finished(second, at: sites.parisSite)
      #expect(try await sites.parisSite.search(in: vpg).summary.hasPrefix("No point passes"))
      #expect(try await sites.parisSite.context.store.workflows().count == 1)
    }
  }

  @Test func `files are looked at without starting anything`() async throws {
    try await withPoints { sites, vpg in
      let site = sites.parisSite
      let vm = try #require(await sites.parisSite.context.vpgs.record(vpg)?.definition.vms.first)
      await sites.parisAppliance.setLastWithFiles(CheckpointIdentifier(13))
      // The fake's files hold their own paths; this is the SHA-256 of “/vda1/good”.
      let sum = "a73df07d28c418ed19df56e0d06c50f44592d39a6974339e4178dbc6f4b25e4f"
      for (rule, summary) in [
        (.exists, "The last good point is checkpoint 13; 14 fails"),
        (.contains("1/goo"), "The last good point is checkpoint 13; 14 fails"),
        (.hasSHA256(sum.uppercased()), "The last good point is checkpoint 13; 14 fails"),
        (.contains("no"), "No point passes"), (.hasSHA256("00"), "No point passes"),
        (.isMissing, "No point passes"),
      ] as [(PointCheck.FileCondition.Rule, String)] {
        let wish = Self.look(vm.identifier, rule, 20)
        let task = try await site.beginSearch(wish, in: vpg, user: "ann")
        try await sites.finished(task, at: site)
        let view = try await site.search(in: vpg)
        #expect(view.summary.hasPrefix(summary), "\(rule): \(view.summary)")
        #expect(view.workflow.search.probes.allSatisfy { !$0.finding.isEmpty })
        await Self.expectNothingLeft(sites, "\(rule)")
      }
      await #expect(throws: SiteError.self) {
        try await site.beginSearch(Self.look(VMIdentifier("x"), .exists), in: vpg, user: "ann")
      }
    }
  }

  @Test func `an abort in the middle of a check leaves nothing`() async throws {
    try await withPoints { sites, vpg in
      await sites.checks.setLimit(CheckpointIdentifier(0))
      let task = try await sites.parisSite.beginSearch(
        Self.wish(timeout: 3600),
        in: vpg,
        user: "ann"
      )
      try await eventually("a probe runs") {
        await !sites.parisHypervisor.shown.virtualMachines.isEmpty
      }
      let abort = try await sites.parisSite.abortSearch(in: vpg, user: "bob")
      try await sites.finished(abort, at: sites.parisSite)
      let ended = try await sites.finished(task, at: sites.parisSite, state: .stopped)
      #expect(ended.completeReason == "The search was aborted by bob.")
      #expect(try await sites.parisSite.search(in: vpg).workflow.search.probes.isEmpty)
      await Self.expectNothingLeft(sites, "the abort")
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.abortSearch(in: vpg, user: "bob")
      }
    }
  }

  @Test func `tests, clones' rules and wrong wishes are refused clearly`() async throws {
    try await withPoints { sites, vpg in
      await sites.checks.setLimit(CheckpointIdentifier(0))
      let site = sites.parisSite
      _ = try await site.beginSearch(Self.wish(timeout: 3600), in: vpg, user: "ann")
      let busy = await #expect(throws: SiteError.self) {
        try await site.perform(.failoverTest(.init()), on: vpg, user: "ann")
      }
      #expect(busy?.message.contains("is being searched for") == true)
      await #expect(throws: SiteError.self) {
        try await site.beginSearch(Self.wish(), in: vpg, user: "ann")
      }
      try await sites.finished(try await site.abortSearch(in: vpg, user: "ann"), at: site)
      await #expect(throws: SiteError.self) {
        try await site.beginSearch(Self.wish(999), in: vpg, user: "ann")
      }
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.beginSearch(Self.wish(), in: vpg, user: "ann")
      }
      let test = try await site.perform(.failoverTest(.init()), on: vpg, user: "ann")
      try await sites.finished(test, at: site)
      let tested = await #expect(throws: SiteError.self) {
        try await site.beginSearch(Self.wish(), in: vpg, user: "ann")
      }
      #expect(tested?.message.contains("failover test") == true)
    }
  }

  @Test(arguments: [false, true], [false, true])
  func `a manager killed at any record of a search ends it, with nothing left`(
    keepsRecord: Bool,
    looks: Bool
  ) async throws {
    var number = 1
    while number < 60 {
      let next = number..<number + 4
      let killed = try await withThrowingTaskGroup(of: Bool.self) { group in
        for record in next {
          group.addTask { try await self.wasKilled(atRecord: record, keepsRecord, looks) }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      number += killed
      if killed < 4 { break }
    }
    // Two probes of a choice, four steps and a verdict each, a beginning and an end; a look is
    // opened and closed.
    #expect(number > (looks ? 10 : 14), "\(number - 1) records")
  }

  private func wasKilled(
    atRecord number: Int,
    _ keepsRecord: Bool,
    _ looks: Bool
  ) async throws -> Bool {
    let sites = try await TwoSites()
    let london = Task { await sites.londonSite.run() }
    var site = sites.parisSite
    var paris = Task { [site] in await site.run() }
    defer {
      london.cancel()
      paris.cancel()
    }
    let definition = try await sites.protectedVPG()
    let vpg = definition.identifier
    await sites.parisAppliance.put(Self.points, before: definition.vms[0].stream)
    await sites.checks.setLimit(CheckpointIdentifier(2))
    await sites.parisAppliance.setLastWithFiles(CheckpointIdentifier(2))
    let wish = looks ? Self.look(definition.vms[0].identifier, .exists, 3) : Self.wish(3)
    sites.parisStore.killManager(atRecord: number, keepsRecord: keepsRecord)
    _ = try? await site.beginSearch(wish, in: vpg, user: "ann")
    let patience = Duration.seconds(60)
    try await eventually("it ends, or its manager", within: patience) {
      if sites.parisStore.isDead { return true }
      return try await site.search(in: vpg).ended != nil
    }
    if sites.parisStore.isDead {
      paris.cancel()
      await paris.value
      site = try await sites.parisAgain()
      paris = Task { [site] in await site.run() }
      if (try? await site.search(in: vpg)) == nil {
        _ = try await site.beginSearch(wish, in: vpg, user: "ann")
      }
    }
    try await eventually("the search is over, killed at \(number)", within: patience) {
      let isEnded = try await site.search(in: vpg).ended != nil
      let tasks = try await site.tasks()
      return isEnded && tasks.allSatisfy(\.state.isFinal)
    }
    let search = try await site.search(in: vpg).workflow.search
    #expect(search.lastGood == Self.points[1], "killed at \(number)")
    #expect(search.firstBad == Self.points[2], "killed at \(number)")
    await Self.expectNothingLeft(sites, "killed at \(number)")
    return sites.parisStore.isDead
  }
}
