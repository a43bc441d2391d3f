// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Store
import Testing

/// The manager of the protected site ends in the middle of a change, and is started again.
@Suite struct ChangeResumptionTests {
  @Test func `a change that a restart interrupts ends under its own task when all has moved`()
    async throws
  {
    let change = Box<Change?>(nil)
    let sites = try await TwoSites()
    try await sites.run { change.value = try await Self.begin(sites) }
    let begun = try #require(change.value)
    try await Self.again(sites) { london in
      // It is not over before the move is.
      await sites.parisAppliance.setMove(.init(copiedByteCount: 75, totalByteCount: 100))
      try await eventually("the task goes on") { try await london.task(begun.task).progress == 74 }
      await sites.parisAppliance.setMove(nil)
      let ended = try await sites.finished(begun.task, at: london)
      #expect(ended.initiatedBy == "ann" && ended.completeReason.isEmpty)
      let now = try await london.vpg(begun.before.identifier).definition
      #expect(now.name == "shop" && now.generation == begun.before.generation + 1)
      #expect(
        try await london.events(from: nil, to: nil, limit: 100)
          .contains { $0.description == "The VPG shop was changed." && $0.userName == "ann" }
      )
      try await Self.waitUntilForgotten(begun, at: london)
    }
  }

  @Test func `one that waits for a move is gone on with also if a later one was refused`()
    async throws
  {
    let change = Box<Change?>(nil)
    let sites = try await TwoSites()
    try await sites.run {
      let begun = try await Self.begin(sites)
      change.value = begun
      var wish = try await sites.londonSite.vpg(begun.before.identifier).definition
      wish.generation += 1
      wish.vms += sites.definition(await sites.londonHypervisor.add("app1", disks: 1)).vms
      await sites.parisAppliance.setFull(true)
      let second = try await sites.londonSite.perform(
        .update(wish),
        on: begun.before.identifier,
        user: "bob"
      )
      try await sites.finished(second, at: sites.londonSite, state: .failed)
      await sites.parisAppliance.setFull(false)
    }
    let begun = try #require(change.value)
    try await Self.again(sites) { london in
      await sites.parisAppliance.setMove(nil)
      try await sites.finished(begun.task, at: london)
      try await Self.waitUntilForgotten(begun, at: london)
    }
  }

  /// At which record of a VPG the manager is killed: the first notes the change, the second has it
  /// of the recovery site, the third forgets that it was under way.
  @Test(arguments: [1, 2, 3], [false, true])
  func `one that a kill interrupts is carried out whole, unless nobody had heard of it`(
    number: Int,
    keepsRecord: Bool
  ) async throws {
    let change = Box<Change?>(nil)
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      sites.londonStore.killManager(atRecord: number, keepsRecord: keepsRecord, of: "vpg")
      let task = try await Self.rename(before, sites)
      change.value = Change(before: before, task: task)
      try await eventually("it is killed") { sites.londonStore.isDead }
    }
    let begun = try #require(change.value)
    let isNoted = number > 1 || keepsRecord
    try await Self.again(sites) { london in
      try await sites.finished(begun.task, at: london, state: isNoted ? .completed : .failed)
      for site in [london, sites.parisSite] {
        let now = try await site.vpg(begun.before.identifier).definition
        #expect(now.name == (isNoted ? "shop" : "web"))
        #expect(now.generation == begun.before.generation + (isNoted ? 1 : 0))
      }
      try await Self.waitUntilForgotten(begun, at: london)
    }
  }

  /// At which record of a VPG the manager is killed while the change is taken back: none is before
  /// the move fails, the first takes it back, the second forgets it.
  @Test(arguments: [nil, 1, 2], [false, true])
  func `one that cannot be carried out fails and leaves the VPG as it was, whenever it is killed`(
    number: Int?,
    keepsRecord: Bool
  ) async throws {
    let change = Box<Change?>(nil)
    let sites = try await TwoSites()
    let failed = JournalStatus.Move(failure: "there is no room left")
    try await sites.run {
      change.value = try await Self.begin(sites)
      guard let number else { return }
      sites.londonStore.killManager(atRecord: number, keepsRecord: keepsRecord, of: "vpg")
      await sites.parisAppliance.setMove(failed)
      try await eventually("it is killed") { sites.londonStore.isDead }
    }
    let begun = try #require(change.value)
    await sites.parisAppliance.setMove(failed)
    try await Self.again(sites) { london in
      let ended = try await sites.finished(begun.task, at: london, state: .failed)
      // Where nobody knows any more why it was taken back, that it was is said. The first record
      // may also be of this site's look at the other one, which has the old definition by then.
      let reasons = ["there is no room left", "before its journals and replicas were moved"]
      #expect(
        reasons.prefix(number == 1 ? 2 : 1).contains { ended.completeReason.contains($0) },
        "\(ended.completeReason)"
      )
      try await eventually("both sites have it as it was") {
        for site in [london, sites.parisSite] {
          var now = try await site.vpg(begun.before.identifier).definition
          now.generation = begun.before.generation
          guard now == begun.before else { return false }
        }
        return true
      }
      try await Self.waitUntilForgotten(begun, at: london)
    }
  }

  private struct Change {
    var before: VPGDefinition
    var task: TaskIdentifier
  }

  private static func rename(
    _ before: VPGDefinition,
    _ sites: TwoSites
  ) async throws -> TaskIdentifier {
    var wish = before
    wish.generation += 1
    wish.name = "shop"
    return try await sites.londonSite.perform(.update(wish), on: before.identifier, user: "ann")
  }

  /// Begins a change whose task waits for a move that is half done.
  private static func begin(_ sites: TwoSites) async throws -> Change {
    await sites.parisHypervisor.addSecondDatastore()
    let before = try await sites.protectedVPG()
    await sites.parisAppliance.setMove(.init(copiedByteCount: 50, totalByteCount: 100))
    var wish = before
    wish.generation += 1
    wish.name = "shop"
    wish.recovery.datastore = sites.parisHypervisor.secondDatastore
    let task = try await sites.londonSite.perform(
      .update(wish),
      on: before.identifier,
      user: "ann"
    )
    try await eventually("half of it is done") {
      try await sites.londonSite.task(task).progress == 49
    }
    return Change(before: before, task: task)
  }

  private static func again(
    _ sites: TwoSites,
    _ body: (Site) async throws -> Void
  ) async throws {
    let london = try await sites.londonAgain()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await london.run() }
      group.addTask { await sites.parisSite.run() }
      defer { group.cancelAll() }
      try await body(london)
    }
  }

  private static func waitUntilForgotten(_ change: Change, at site: Site) async throws {
    try await eventually("nothing of the change is left") {
      await site.context.vpgs.record(change.before.identifier)?.changes == []
    }
  }
}
