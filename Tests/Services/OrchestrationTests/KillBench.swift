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
    // A failover of one of two VMs.
    case partRollback, partCommit, partReverse
    // A test of two VMs, which is stopped for one of them first.
    case testOfTwo

    var leavesVMOut: Bool { [.partRollback, .partCommit, .partReverse].contains(self) }

    func beginning(of vm: VMIdentifier) -> VPGOperation {
      switch self {
      case .partRollback, .partCommit, .partReverse:
        .failover(.init(vms: [vm], shutdownPolicy: .forceShutdown))
      case .test, .scriptedTest, .testOfTwo: .failoverTest(.init())
      case .failoverRollback, .failoverCommit, .scriptedRollback:
        .failover(.init(shutdownPolicy: .forceShutdown))
      case .moveRollback, .moveCommit, .reverse, .scriptedMove: .move(.init())
      case .clone: .clone(.init())
      }
    }

    /// What is asked for before the end.
    func middle(of vm: VMIdentifier) -> VPGOperation? {
      guard self == .testOfTwo else { return nil }
      return .failoverTestLeave(vms: [vm], succeeded: true, summary: "")
    }

    /// A clone ends by itself.
    var end: VPGOperation? {
      switch self {
      case .test, .scriptedTest, .testOfTwo: .failoverTestStop(succeeded: true, summary: "")
      case .failoverRollback, .scriptedRollback, .partRollback: .failoverRollback
      case .failoverCommit, .partCommit: .failoverCommit(reverseProtection: false)
      case .partReverse: .failoverCommit(reverseProtection: true)
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
      case .partRollback: 9
      case .partCommit, .partReverse: 10
      case .testOfTwo: 8
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
  /// The VPG's second VM; nil if it has none.
  private let other: VMIdentifier?
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
    let hasOther = story.leavesVMOut || story == .testOfTwo
    other = hasOther ? await sites.londonHypervisor.add("db1", disks: 1) : nil
    let others = other.map { sites.definition($0).vms } ?? []
    if isWithinOneSite {
      var wish = await sites.definitionWithinLondon()
      wish.vms += others
      (vpg, vm) = (wish.identifier, wish.vms[0].identifier)
      try await sites.finished(try await manager.create(wish, user: "ann"), at: manager)
      try await eventually("protected") {
        try await manager.vpg(wish.identifier).status == .meetingSLA
      }
      replicas = await Self.replicas(at: sites.londonAppliance)
      return
    }
    let definition = try await sites.protectedVPG { definition in
      definition.vms += others
      guard [.scriptedTest, .scriptedRollback, .scriptedMove].contains(story) else { return }
      definition.scripting.preRecovery.command = "before.sh"
      definition.scripting.postRecovery.command = "after.sh"
    }
    vpg = definition.identifier
    vm = definition.vms[0].identifier
    replicas = await Self.replicas(at: sites.parisAppliance)
    await sites.parisAppliance.connect(to: sites.londonAppliance)
  }

  /// The replicas of the VM that is recovered: it has two disks.
  private static func replicas(at appliance: FakeAppliance) async -> [String] {
    await appliance.journals.values.filter { $0.volumes.count == 2 }.flatMap(\.volumes)
      .map(\.replicaPath)
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
    let beginning = story.beginning(of: vm)
    let isMove = if case .move = beginning { true } else { false }
    // A stream whose taps are closed and all of whose writes are sent.
    if isMove { await sites.londonAppliance.setResting(rpoInMilliseconds: 0) }
    try await carryOut(beginning)
    if try await !hasBegun() { try await carryOut(beginning) }
    #expect(try await hasBegun())
    await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
    if let middle = story.middle(of: vm) {
      try await carryOut(middle)
      if await otherVMs().count == 2 { try await carryOut(middle) }
      #expect(await otherVMs().map(\.name) == ["db1 - testing recovery"])
      #expect(await appliance.exports().count == 1)
    }
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
    if let other, story.leavesVMOut { try await checkLeftOut(other, what) }
    switch story {
    case .test, .failoverRollback, .moveRollback, .scriptedTest, .scriptedRollback, .scriptedMove,
      .partRollback, .testOfTwo:
      #expect(await otherVMs().isEmpty, what)
      #expect(old?.power == .running, what)
      #expect(await appliance.refusing.isEmpty, what)
      try await eventually("\(what): protected", within: Self.patience) {
        try await isProtected(at: TwoSites.london)
      }
    case .failoverCommit, .moveCommit, .partCommit:
      await checkRecovered(what)
      #expect(old?.power == .off, what)
      #expect(await appliance.journals.count == (other == nil ? 0 : 1), what)
      try await eventually("\(what): recovered", within: Self.patience) {
        for site in protectors where try await site.vpg(vpg).status != .recovered { return false }
        return true
      }
    case .reverse, .partReverse:
      await checkRecovered(what)
      #expect(old == nil, what)
      try await eventually("\(what): protected", within: Self.patience) {
        try await isProtected(at: isWithinOneSite ? TwoSites.london : TwoSites.paris)
      }
      let ways = isWithinOneSite && other != nil ? 2 : 1
      #expect(await sites.londonAppliance.journals.count == ways, what)
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

  /// The VM that was left out runs where it is, protected in a VPG of its own at both sites.
  private func checkLeftOut(_ vm: VMIdentifier, _ what: Comment) async throws {
    #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .running, what)
    try await eventually("\(what): what is left out is protected", within: Self.patience) {
      for site in protectors {
        let views = try await site.vpgs { $0.vms.contains { $0.identifier == vm } }
        let isProtected = views.allSatisfy {
          $0.status == .meetingSLA && $0.definition.protectedSite == TwoSites.london
            && $0.definition.identifier != vpg && $0.definition.vms.count == 1
        }
        let all = try await site.vpgs { _ in true }
        guard views.count == 1, isProtected, all.count == 2 else { return false }
      }
      return true
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
    return await hypervisor.shown.virtualMachines
      .filter { $0.identifier != vm && $0.identifier != other }
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
