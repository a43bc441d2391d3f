// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import Orchestration
import RecoveryModel
import Testing

/// A split brain is being ended, and one of the managers is killed at every record of it in turn.
@Suite struct ResolutionKillTests {
  /// Stories that are told at a time: most of each is waiting.
  private static let width = 2
  fileprivate static let patience = Duration.seconds(120)

  /// Which manager is killed, and at which records.
  struct Kill: CustomTestStringConvertible {
    var site: SiteIdentifier
    var table: String
    var keepsRecord: Bool

    var testDescription: String {
      "\(site == TwoSites.london ? "london" : "paris"), \(table)\(keepsRecord ? " kept" : "")"
    }

    static let all = [TwoSites.london, TwoSites.paris].flatMap { site in
      ["vpg", "task"].flatMap { table in
        [false, true].map { Kill(site: site, table: table, keepsRecord: $0) }
      }
    }
  }

  @Test(arguments: [TwoSites.london, TwoSites.paris], Kill.all)
  func `whoever is killed while a split brain is ended, one VM stays, the one that was chosen`(
    keeping site: SiteIdentifier,
    kill: Kill
  ) async throws {
    var count = 0
    while count < 40 {
      let next = count + 1..<count + 1 + Self.width
      let killed = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in next {
          group.addTask { try await story(keeping: site, kill, atRecord: number) }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      count += killed
      if killed < Self.width { break }
    }
    // The site that carries it out has a task, which begins and ends.
    let isExecutor = kill.site == TwoSites.paris
    #expect(!isExecutor || kill.table != "task" || count >= 2, "\(count) records")
  }

  private func story(
    keeping site: SiteIdentifier,
    _ kill: Kill,
    atRecord number: Int
  ) async throws -> Bool {
    let bench = try await ResolutionBench()
    let wasKilled: Bool
    do {
      try await bench.part()
      wasKilled = try await bench.resolve(keeping: site, kill, atRecord: number)
      try await bench.check(keeping: site, "killed at \(number)")
    } catch {
      await bench.end()
      Issue.record(error, "killed at \(number)")
      return false
    }
    await bench.end()
    return wasKilled
  }

  /// Two sites, each with a VM of one VPG, whose managers can be started again.
  final class ResolutionBench {
    private let sites: TwoSites
    private var managers: [SiteIdentifier: Site]
    private var runs: [SiteIdentifier: Task<Void, Never>] = [:]
    private var definition: VPGDefinition?

    init() async throws {
      let sites = try await TwoSites()
      self.sites = sites
      managers = [TwoSites.london: sites.londonSite, TwoSites.paris: sites.parisSite]
      for (name, site) in managers { runs[name] = Task { await site.run() } }
    }

    func end() async {
      for run in runs.values {
        run.cancel()
        await run.value
      }
    }

    private var vpg: VPGIdentifier { definition?.identifier ?? VPGIdentifier("") }

    /// The protected site is cut off, its VM is recovered for good, and it comes back.
    func part() async throws {
      let definition = try await sites.protectedVPG()
      self.definition = definition
      await sites.parisAppliance.connect(to: sites.londonAppliance)
      sites.switchboard.setCut(true)
      let paris = sites.parisSite
      for operation in [
        VPGOperation.failover(.init()), .failoverCommit(reverseProtection: false),
      ] {
        let task = try await paris.perform(operation, on: definition.identifier, user: "ann")
        try await sites.finished(task, at: paris)
      }
      sites.switchboard.setCut(false)
      for site in managers.values {
        try await eventually("the split brain is found", within: ResolutionKillTests.patience) {
          try await site.vpg(definition.identifier).splitBrain != nil
        }
      }
    }

    /// Asks for the end of it, and again as long as there is one; whether a manager was killed.
    func resolve(
      keeping site: SiteIdentifier,
      _ kill: Kill,
      atRecord number: Int
    ) async throws -> Bool {
      let store = kill.site == TwoSites.london ? sites.londonStore : sites.parisStore
      store.killManager(atRecord: number, keepsRecord: kill.keepsRecord, of: kill.table)
      let paris = try #require(managers[TwoSites.paris])
      let task = try? await paris.perform(.resolve(keeping: site), on: vpg, user: "ann")
      try await eventually("it ends, or a manager", within: ResolutionKillTests.patience) {
        guard let task, !store.isDead else { return true }
        return try await paris.task(task).state.isFinal
      }
      guard store.spareManager() else { return false }
      runs[kill.site]?.cancel()
      await runs[kill.site]?.value
      let again =
        try await kill.site == TwoSites.london ? sites.londonAgain() : sites.parisAgain()
      managers[kill.site] = again
      runs[kill.site] = Task { await again.run() }
      return true
    }

    func check(keeping site: SiteIdentifier, _ what: Comment) async throws {
      try await eventually("\(what): it is over", within: ResolutionKillTests.patience) {
        try await askAgain(keeping: site)
        return try await isOver(keeping: site)
      }
      let old = await sites.londonHypervisor.virtualMachine(
        try #require(definition).vms[0].identifier
      )
      let recovered = await sites.parisHypervisor.shown.virtualMachines
      #expect(old?.power == (site == TwoSites.london ? .running : .off), what)
      #expect(recovered.map(\.power) == (site == TwoSites.london ? [] : [.running]), what)
      for manager in managers.values {
        try await eventually("\(what): no task is left", within: ResolutionKillTests.patience) {
          try await manager.tasks().allSatisfy(\.state.isFinal)
        }
      }
    }

    /// What a person does who still sees a split brain that nobody works on.
    private func askAgain(keeping site: SiteIdentifier) async throws {
      for manager in managers.values {
        guard try await manager.tasks().allSatisfy(\.state.isFinal),
          let found = try? await manager.vpg(vpg).splitBrain,
          found.choices.contains(where: { $0.site == site })
        else { continue }
        _ = try? await manager.perform(.resolve(keeping: site), on: vpg, user: "ann")
        return
      }
    }

    private func isOver(keeping site: SiteIdentifier) async throws -> Bool {
      for manager in managers.values {
        guard let view = try? await manager.vpg(vpg), view.splitBrain == nil,
          view.status == (site == TwoSites.london ? .meetingSLA : .recovered)
        else { return false }
      }
      return true
    }
  }
}
