// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Store
import Testing

/// What one site of a VPG did is found at the other one, where it may have been asked for.
@Suite struct SharedHistoryTests {
  private static let test = VPGOperation.failoverTest(.init(checkpoint: nil, vms: []))

  private static func listed(_ task: TaskIdentifier, at site: Site) async throws -> TaskRecord? {
    try await site.tasks().first { $0.identifier == task }
  }

  @Test func `a test that is asked for at the protected site is in its lists, as in the other's`()
    async throws
  {
    let sites = try await TwoSites()
    let (london, paris) = (sites.londonSite, sites.parisSite)
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      let begin = try await london.perform(Self.test, on: vpg, user: "ann")
      // At once, not only when it is over.
      let begun = try #require(try await Self.listed(begin, at: london))
      #expect((begun.kind, begun.initiatedBy, begun.vpgs) == (.failoverTest, "ann", [vpg]))
      try await sites.finished(begin, at: london)
      let stop = try await london.perform(
        .failoverTestStop(succeeded: true, summary: "well"),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(stop, at: london)

      // Who sees the end at a site finds there what was left.
      for task in [begin, stop] {
        #expect(try await Self.listed(task, at: london) == Self.listed(task, at: paris))
        #expect(try await Self.listed(task, at: london)?.state == .completed)
      }
      let reports = try await london.recoveryReports(from: nil, to: nil)
      #expect(reports.map(\.notes) == ["well"])
      #expect(try await paris.recoveryReports(from: nil, to: nil) == reports)
      #expect(try await london.recoveryReport(reports[0].identifier) == reports[0])
      try await eventually("the events are at both") {
        let events = try await london.events(from: nil, to: nil, limit: 1000)
        return [EventRecord.Kind.failoverTest, .stopFailoverTest].allSatisfy { kind in
          events.contains { $0.kind == kind && $0.site == TwoSites.paris && $0.vpgs == [vpg] }
        }
      }
    }
  }

  @Test func `the recovery site hears once what the protected one does to VPGs of both, no more`()
    async throws
  {
    let sites = try await TwoSites()
    let (london, paris) = (sites.londonSite, sites.parisSite)
    try await sites.run {
      let vpg = try await sites.protectedVPG()
      var local = await sites.definitionWithinLondon()
      local.name = "local"
      local.vms[0].identifier = await sites.londonHypervisor.add("web2", disks: 1)
      try await sites.finished(try await london.create(local, user: "ann"), at: london)
      let pause = try await london.perform(.pause, on: vpg.identifier, user: "ann")
      try await sites.finished(pause, at: london)
      try await eventually("paris has heard of the pause") {
        try await Self.listed(pause, at: paris)?.state == .completed
      }
      let tasks = try await paris.tasks().filter { $0.identifier.site == TwoSites.london }
      #expect(Set(tasks.flatMap(\.vpgs)) == [vpg.identifier])
      let events = try await paris.events(from: nil, to: nil, limit: 1000)
        .filter { $0.site == TwoSites.london }
      #expect(events.filter { $0.kind == .pauseVPG }.count == 1)
      #expect(Set(events.flatMap(\.vpgs)) == [vpg.identifier])
      // Nothing comes back to where it was done.
      #expect(try await london.tasks().filter { $0.identifier == pause }.count == 1)
      let own = try await london.events(from: nil, to: nil, limit: 1000)
      #expect(own.filter { $0.kind == .pauseVPG }.count == 1)
    }
  }

  @Test func `the deletion of a VPG that is asked for at the recovery site ends in both lists`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      let task = try await sites.parisSite.perform(
        .delete(keepsRecoveryVolumes: false, force: false),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(task, at: sites.parisSite)
      #expect(try await Self.listed(task, at: sites.parisSite)?.state == .completed)
      let events = try await sites.parisSite.events(from: nil, to: nil, limit: 1000)
      #expect(events.contains { $0.kind == .removeVPG && $0.site == TwoSites.london })
    }
  }

  @Test func `of a site that is away there is what it last said, and the rest when it is back`()
    async throws
  {
    let sites = try await TwoSites()
    let (london, paris) = (sites.londonSite, sites.parisSite)
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      let task = try await paris.context.tasks.begin(.failover, user: "ann", vpgs: [vpg])
      await paris.context.tasks.progress(task, 40)
      try await eventually("london hears of it") {
        try await Self.listed(task, at: london)?.progress == 40
      }
      sites.switchboard.setCut(true)
      let alone = try await london.task(task)
      #expect((alone.state, alone.progress) == (.inProgress, 40))
      #expect(alone.completeReason.contains("does not answer"))
      try await eventually("the list says so, too") {
        try await Self.listed(task, at: london)?.completeReason == alone.completeReason
      }
      // Its manager is started again meanwhile, and does not take the task for its own.
      let again = try await sites.londonAgain()
      #expect(try await Self.listed(task, at: again)?.state == .inProgress)

      await paris.context.tasks.fail(task, reason: "no room")
      await paris.context.events.record(.failover, "It failed.", succeeded: false, vpgs: [vpg])
      sites.switchboard.setCut(false)
      let ended = try await again.task(task)
      #expect((ended.state, ended.completeReason) == (.failed, "no room"))
      #expect(try await Self.listed(task, at: again) == ended)
      let events = try await again.events(from: nil, to: nil, limit: 1000)
      #expect(events.contains { $0.description == "It failed." })
    }
  }

  @Test func `a site that was away hears all it missed, however much that is`() async throws {
    let sites = try await TwoSites()
    let paris = sites.parisSite.context
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      sites.switchboard.setCut(true)
      // Three in each millisecond: answers end within one.
      let missed = (0..<11_000).map { number in
        EventRecord(
          identifier: "missed-\(number)",
          kind: .updateVPG,
          occurred: WallTime(milliseconds: paris.now().milliseconds + Int64(number / 3)),
          description: "change \(number)",
          succeeded: true,
          userName: "ann",
          vpgs: [vpg],
          site: TwoSites.paris
        )
      }
      try await paris.store.save(missed)
      sites.switchboard.setCut(false)
      await paris.events.record(.updateVPG, "The last.", vpgs: [vpg])
      try await eventually("all of it is there, once and in its order") {
        let heard = try await sites.londonSite.events(from: nil, to: nil, limit: 20_000)
          .filter { $0.identifier.hasPrefix("missed-") }
        return heard.count == missed.count && Set(heard.map(\.identifier)).count == heard.count
          && zip(heard, heard.dropFirst()).allSatisfy { $0.occurred >= $1.occurred }
      }
    }
  }

  @Test func `a task that its site has forgotten ends, and so does one of a site that is unpaired`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run { try await sites.pair() }
    let london = sites.londonSite.context
    let peer = try await london.peers.client(for: TwoSites.paris)
    func open(_ name: String) async throws -> TaskIdentifier {
      let task = TaskRecord(
        identifier: TaskIdentifier("\(name).\(TwoSites.paris)"),
        kind: .move,
        initiatedBy: "ann",
        started: WallTime(milliseconds: 1)
      )
      try await london.heard.keep(task, of: TwoSites.paris)
      return task.identifier
    }
    let forgotten = try await open("forgotten")
    try await london.heard.catchUp(with: TwoSites.paris, peer)
    #expect(try await london.tasks.task(forgotten).state == .stopped)
    let left = try await open("left")
    try await sites.parisSite.endPairing(from: TwoSites.london)
    try await sites.londonSite.endPairing(from: TwoSites.paris)
    let ended = try await london.tasks.task(left)
    #expect(ended.state == .stopped && ended.completed != nil)
    #expect(ended.completeReason == "The sites are no longer paired.")
  }

  @Test func `an older word of a task, or one of another site's, changes nothing`() async throws {
    let sites = try await TwoSites()
    let london = sites.londonSite.context
    var task = TaskRecord(
      identifier: TaskIdentifier("a.\(TwoSites.paris)"),
      kind: .move,
      initiatedBy: "ann",
      started: WallTime(milliseconds: 1)
    )
    task.generation = 3
    task.state = .completed
    try await london.heard.keep(task, of: TwoSites.paris)
    var older = task
    older.generation = 2
    older.state = .inProgress
    try await london.heard.keep(older, of: TwoSites.paris)
    #expect(try await london.tasks.task(task.identifier) == task)
    let own = try await london.tasks.begin(.pauseVPG, user: "ann")
    var forged = try await london.tasks.task(own)
    forged.generation = 9
    forged.state = .completed
    try await london.heard.keep(forged, of: TwoSites.paris)
    #expect(try await london.tasks.task(own).state == .inProgress)
  }
}
