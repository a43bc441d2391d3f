// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// Two sites with a protected VM, or one site that is both, and a recovery manager that dies in the
/// middle of an operation.
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
  private let isWithinOneSite: Bool
  /// The recovery site.
  private var manager: Site
  private var managerRun: Task<Void, Never>
  /// The protected site, if it is another one.
  private let londonRun: Task<Void, Never>?

  init(_ story: Story, isWithinOneSite: Bool = false) async throws {
    self.story = story
    self.isWithinOneSite = isWithinOneSite
    let sites = try await TwoSites(scripts: scripts)
    self.sites = sites
    store = isWithinOneSite ? sites.londonStore : sites.parisStore
    let manager = isWithinOneSite ? sites.londonSite : sites.parisSite
    self.manager = manager
    londonRun = isWithinOneSite ? nil : Task { await sites.londonSite.run() }
    managerRun = Task { await manager.run() }
    if isWithinOneSite {
      let wish = await sites.definitionWithinLondon()
      (vpg, vm) = (wish.identifier, wish.vms[0].identifier)
      try await sites.finished(try await manager.create(wish, user: "ann"), at: manager)
      try await eventually("protected") {
        try await manager.vpg(wish.identifier).status == .meetingSLA
      }
      replicas = await sites.londonAppliance.journals.values.flatMap(\.volumes).map(\.replicaPath)
      return
    }
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
    for run in [managerRun, londonRun].compactMap(\.self) {
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
    do { task = try await manager.perform(operation, on: vpg, user: "ann") } catch {
      // It may have died in the middle of the call.
      guard store.isDead, !wasDead else { throw error }
      task = nil
    }
    try await eventually("\(operation) ends, or its manager", within: Self.patience) {
      guard let task, store.isDead == wasDead else { return true }
      return try await manager.task(task).state.isFinal
    }
    if store.isDead, !wasDead { try await restart() }
    try await eventually("nothing is under way any more", within: Self.patience) {
      try await manager.tasks().allSatisfy(\.state.isFinal)
    }
  }

  private func restart() async throws {
    managerRun.cancel()
    await managerRun.value
    let again = try await isWithinOneSite ? sites.londonAgain() : sites.parisAgain()
    manager = again
    managerRun = Task { await again.run() }
  }

  /// Whether there is what the end of the story is about.
  private func hasBegun() async throws -> Bool {
    if story == .clone { return await !otherVMs().isEmpty }
    let view = try await manager.vpg(vpg)
    return view.testStage == "Running" || view.substatus == .failingOverBeforeCommit
      || view.substatus == .movingBeforeCommit
  }

  // MARK: Its end

  func check(_ what: Comment) async throws {
    // A workflow is forgotten last, after its task has ended.
    try await eventually("\(what): it is forgotten", within: Self.patience) {
      try await manager.context.store.workflows().isEmpty
    }
    #expect(await appliance.exports().isEmpty, what)
    #expect(Set(scripts.runs).count == scripts.runs.count, "\(what): a script ran twice")
    let old = await sites.londonHypervisor.virtualMachine(vm)
    switch story {
    case .test, .failoverRollback, .moveRollback, .scriptedTest, .scriptedRollback, .scriptedMove:
      #expect(await otherVMs().isEmpty, what)
      #expect(old?.power == .running, what)
      #expect(await appliance.refusing.isEmpty, what)
      try await eventually("\(what): protected", within: Self.patience) {
        try await isProtected(at: TwoSites.london)
      }
    case .failoverCommit, .moveCommit:
      await checkRecovered(what)
      #expect(old?.power == .off, what)
      #expect(await appliance.journals.isEmpty, what)
      try await eventually("\(what): recovered", within: Self.patience) {
        for site in protectors where try await site.vpg(vpg).status != .recovered { return false }
        return true
      }
    case .reverse:
      await checkRecovered(what)
      #expect(old == nil, what)
      try await eventually("\(what): protected", within: Self.patience) {
        try await isProtected(at: isWithinOneSite ? TwoSites.london : TwoSites.paris)
      }
      #expect(await sites.londonAppliance.journals.count == 1, what)
    case .clone:
      let clones = await otherVMs()
      #expect(clones.map(\.power) == [.off], what)
      let copies = await appliance.copies.keys.sorted()
      #expect(clones.flatMap(\.disks).map(\.path).sorted() == copies, what)
      #expect(old?.power == .running, what)
      try await eventually("\(what): protected", within: Self.patience) {
        try await isProtected(at: TwoSites.london)
      }
    }
  }

  /// One VM runs, on the replicas, which hold the point it was started from.
  private func checkRecovered(_ what: Comment) async {
    let machines = await otherVMs()
    #expect(machines.map(\.power) == [.running], what)
    #expect(machines.map(\.name) == [isWithinOneSite ? "web1 - recovered" : "web1"], what)
    #expect(machines.flatMap(\.disks).map(\.path).sorted() == replicas.sorted(), what)
    let points = await appliance.points
    #expect(Set(points.promoted) == Set(points.opened), what)
    #expect(Set(points.promoted).count == 1, what)
    #expect(await appliance.keptReplicas.allSatisfy { $0 }, what)
  }

  private func otherVMs() async -> [VirtualMachine] {
    let hypervisor = isWithinOneSite ? sites.londonHypervisor : sites.parisHypervisor
    return await hypervisor.shown.virtualMachines.filter { $0.identifier != vm }
  }

  private var appliance: FakeAppliance {
    isWithinOneSite ? sites.londonAppliance : sites.parisAppliance
  }

  /// Each site of the VPG, as it runs now.
  private var protectors: [Site] { isWithinOneSite ? [manager] : [manager, sites.londonSite] }

  private func isProtected(at site: SiteIdentifier) async throws -> Bool {
    for protector in protectors {
      let view = try await protector.vpg(vpg)
      guard view.status == .meetingSLA, view.definition.protectedSite == site else { return false }
    }
    return true
  }
}
