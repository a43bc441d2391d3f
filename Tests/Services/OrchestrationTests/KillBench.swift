// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// Two sites with a protected VM, and a recovery manager that dies in the middle of an operation.
final class KillBench {
  /// An operation with what ends it.
  enum Story: String, CaseIterable {
    case test, failoverRollback, failoverCommit, moveRollback, moveCommit, reverse, clone
    // The same, of a VPG with scripts.
    case scriptedTest, scriptedRollback, scriptedMove

    var beginning: VPGOperation {
      switch self {
      case .test, .scriptedTest: .failoverTest(.init())
      case .failoverRollback, .failoverCommit, .scriptedRollback:
        .failover(.init(shutdownPolicy: .forceShutdown))
      case .moveRollback, .moveCommit, .reverse, .scriptedMove: .move(.init())
      case .clone: .clone(.init())
      }
    }

    /// A clone ends by itself.
    var end: VPGOperation? {
      switch self {
      case .test, .scriptedTest: .failoverTestStop(succeeded: true, summary: "")
      case .failoverRollback, .scriptedRollback: .failoverRollback
      case .failoverCommit: .failoverCommit(reverseProtection: false)
      case .moveRollback, .scriptedMove: .moveRollback
      case .moveCommit: .moveCommit(reverseProtection: false, keepsSourceVMs: true)
      case .reverse: .moveCommit(reverseProtection: true, keepsSourceVMs: nil)
      case .clone: nil
      }
    }

    /// The steps of both, each of which is recorded.
    var fewestRecords: Int {
      switch self {
      case .test: 4
      case .failoverRollback: 8
      case .failoverCommit: 9
      case .moveRollback: 10
      case .moveCommit: 11
      case .reverse: 12
      case .clone: 6
      case .scriptedTest: 8
      case .scriptedRollback: 14
      case .scriptedMove: 16
      }
    }
  }

  /// Many stories are told at once.
  private static let patience = Duration.seconds(60)

  let story: Story
  let sites: TwoSites
  private let scripts = RecordingScripts()
  let store: KillableStore
  private let vpg: VPGIdentifier
  private let vm: VMIdentifier
  private let replicas: [String]
  private var paris: Site
  private var parisRun: Task<Void, Never>
  private let londonRun: Task<Void, Never>

  init(_ story: Story) async throws {
    self.story = story
    let sites = try await TwoSites(scripts: scripts)
    self.sites = sites
    store = sites.parisStore
    paris = sites.parisSite
    londonRun = Task { await sites.londonSite.run() }
    parisRun = Task { await sites.parisSite.run() }
    let definition = try await sites.protectedVPG { definition in
      guard [.scriptedTest, .scriptedRollback, .scriptedMove].contains(story) else { return }
      definition.scripting.preRecovery.command = "before.sh"
      definition.scripting.postRecovery.command = "after.sh"
    }
    vpg = definition.identifier
    vm = definition.vms[0].identifier
    replicas = await sites.parisAppliance.journals.values.flatMap(\.volumes).map(\.replicaPath)
    await sites.parisAppliance.connect(to: sites.londonAppliance)
  }

  /// Ends both sites; nothing of them is left running.
  func end() async {
    for run in [parisRun, londonRun] {
      run.cancel()
      await run.value
    }
  }

  // MARK: The story

  /// Carries the operation out to its end; what was lost with the manager is asked for again.
  func tell() async throws {
    let isMove = if case .move = story.beginning { true } else { false }
    // A stream whose taps are closed and all of whose writes are sent.
    if isMove { await sites.londonAppliance.setResting(rpoInMilliseconds: 0) }
    try await carryOut(story.beginning)
    if try await !hasBegun() { try await carryOut(story.beginning) }
    #expect(try await hasBegun())
    await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
    guard let end = story.end else { return }
    try await carryOut(end)
    if try await hasBegun() { try await carryOut(end) }
  }

  private func carryOut(_ operation: VPGOperation) async throws {
    let wasDead = store.isDead
    let task: TaskIdentifier?
    do { task = try await paris.perform(operation, on: vpg, user: "ann") } catch {
      // It may have died in the middle of the call.
      guard store.isDead, !wasDead else { throw error }
      task = nil
    }
    try await eventually("\(operation) ends, or its manager", within: Self.patience) {
      guard let task, store.isDead == wasDead else { return true }
      return try await paris.task(task).state.isFinal
    }
    if store.isDead, !wasDead { try await restart() }
    try await eventually("nothing is under way any more", within: Self.patience) {
      try await paris.tasks().allSatisfy(\.state.isFinal)
    }
  }

  private func restart() async throws {
    parisRun.cancel()
    await parisRun.value
    let again = try await sites.parisAgain()
    paris = again
    parisRun = Task { await again.run() }
  }

  /// Whether there is what the end of the story is about.
  private func hasBegun() async throws -> Bool {
    if story == .clone { return await !parisVMs().isEmpty }
    let view = try await paris.vpg(vpg)
    return view.testStage == "Running" || view.substatus == .failingOverBeforeCommit
      || view.substatus == .movingBeforeCommit
  }

  // MARK: Its end

  func check(_ what: Comment) async throws {
    // A workflow is forgotten last, after its task has ended.
    try await eventually("\(what): it is forgotten", within: Self.patience) {
      try await paris.context.store.workflows().isEmpty
    }
    #expect(await sites.parisAppliance.exports().isEmpty, what)
    #expect(Set(scripts.runs).count == scripts.runs.count, "\(what): a script ran twice")
    let old = await sites.londonHypervisor.virtualMachine(vm)
    switch story {
    case .test, .failoverRollback, .moveRollback, .scriptedTest, .scriptedRollback, .scriptedMove:
      #expect(await parisVMs().isEmpty, what)
      #expect(old?.power == .running, what)
      #expect(await sites.parisAppliance.refusing.isEmpty, what)
      try await eventually("\(what): protected", within: Self.patience) {
        try await isProtected(at: TwoSites.london)
      }
    case .failoverCommit, .moveCommit:
      await checkRecovered(what)
      #expect(old?.power == .off, what)
      #expect(await sites.parisAppliance.journals.isEmpty, what)
      try await eventually("\(what): recovered", within: Self.patience) {
        let states = [
          try await paris.vpg(vpg).status, try await sites.londonSite.vpg(vpg).status,
        ]
        return states == [.recovered, .recovered]
      }
    case .reverse:
      await checkRecovered(what)
      #expect(old == nil, what)
      try await eventually("\(what): protected", within: Self.patience) {
        try await isProtected(at: TwoSites.paris)
      }
      #expect(await sites.londonAppliance.journals.count == 1, what)
    case .clone:
      let clones = await parisVMs()
      #expect(clones.map(\.power) == [.off], what)
      let copies = await sites.parisAppliance.copies.keys.sorted()
      #expect(clones.flatMap(\.disks).map(\.path).sorted() == copies, what)
      #expect(old?.power == .running, what)
      try await eventually("\(what): protected", within: Self.patience) {
        try await isProtected(at: TwoSites.london)
      }
    }
  }

  /// One VM runs, on the replicas, which hold the point it was started from.
  private func checkRecovered(_ what: Comment) async {
    let machines = await parisVMs()
    #expect(machines.map(\.power) == [.running], what)
    #expect(machines.map(\.name) == ["web1"], what)
    #expect(machines.flatMap(\.disks).map(\.path).sorted() == replicas.sorted(), what)
    let points = await sites.parisAppliance.points
    #expect(Set(points.promoted) == Set(points.opened), what)
    #expect(Set(points.promoted).count == 1, what)
    #expect(await sites.parisAppliance.keptReplicas.allSatisfy { $0 }, what)
  }

  private func parisVMs() async -> [VirtualMachine] {
    await sites.parisHypervisor.shown.virtualMachines
  }

  private func isProtected(at site: SiteIdentifier) async throws -> Bool {
    for view in [try await paris.vpg(vpg), try await sites.londonSite.vpg(vpg)] {
      guard view.status == .meetingSLA, view.definition.protectedSite == site else { return false }
    }
    return true
  }
}
