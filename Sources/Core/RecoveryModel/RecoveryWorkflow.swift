// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A failover test, a failover or a move, from its first step to its last, without doing any of
/// them.
///
/// The driver asks for the next action, stores the workflow, carries the action out, and reports
/// how it went. After a crash it loads the workflow and asks again: the same action comes, and
/// every action is safe to repeat. What must hold:
///
/// - Until the first `promote` everything can be undone, and a failed step undoes everything.
/// - From the first `promote` on the way leads forward only: a failed step is tried again.
/// - Undoing is tried until it is done. Nothing a recovery made stays behind.
/// - The journal takes no writes from the moment a failover has stood the source down until it
///   is rolled back, so the point that was recovered is never passed.
/// - A move recovers a checkpoint that was made after the last write of VMs that are off.
/// - A test can be stopped for some of its VMs: nothing of them stays behind, and the others go on.
/// - VMs that are left out of a failover have a VPG of their own before anything is done to the
///   others, and keep it whatever becomes of those.
/// - A script is run once at most: one that was begun and whose end is not known has failed. None
///   keeps anything from being undone.
package struct RecoveryWorkflow: Codable, Sendable, Equatable {
  package let identifier: String
  package private(set) var kind: Kind
  package let vpg: VPGIdentifier
  /// The point to recover; of a move that has not settled yet, the latest when it was asked for.
  package private(set) var checkpoint: Checkpoint
  package private(set) var machines: [Machine]
  package private(set) var stage: Stage
  /// The index of the current step of the stage.
  package private(set) var cursor: Int
  /// Where the way back leads, if the commit protects the recovered VMs in reverse.
  package private(set) var reversal: Reversal?
  /// Why a test or failover is being undone without anyone asking; empty otherwise.
  package private(set) var failure: String
  /// The VPG that takes the VMs that are left out of a failover; nil if none are.
  package let remainder: VPGIdentifier?
  /// The scripts to run; nil is none, as in workflows from before there were any.
  private var scripts: [Script]?
  /// Whether the current step, a script, was begun; nil is no.
  private var scriptUnderWay: Bool?
  /// Whether any script was begun; nil is no.
  private var scriptBegun: Bool?

  package init(
    identifier: String,
    kind: Kind,
    vpg: VPGIdentifier,
    checkpoint: Checkpoint,
    machines: [Machine],
    remainder: VPGIdentifier? = nil,
    scripts: [Script] = []
  ) {
    self.identifier = identifier
    self.kind = kind
    self.vpg = vpg
    self.checkpoint = checkpoint
    self.machines = machines
    stage = .preparing
    cursor = 0
    reversal = nil
    failure = ""
    self.remainder = remainder
    self.scripts = scripts
  }
}

extension RecoveryWorkflow {
  /// What is being recovered for.
  package enum Kind: Codable, Sendable, Equatable {
    /// VMs on test networks, beside the protected ones.
    case test
    /// VMs that replace the protected ones.
    case failover(VPGOperation.Failover)
    /// The same, planned: the protected ones are shut down first, and nothing is lost.
    case move(VPGOperation.Move)
  }

  /// One VM on its way.
  package struct Machine: Codable, Sendable, Equatable {
    package var vm: VMIdentifier
    package var stream: StreamIdentifier
    package var name: String
    /// The recovered VM's UUID, chosen before it exists so that a second try makes no second VM.
    package var uuid: String
    package var export: ExportIdentifier
    /// Seconds to wait before this VM is started.
    package var delayInSeconds: Int
    /// Whether it is the first of a boot group that waits for the guests of the group before; nil,
    /// of workflows that an older release began, is no.
    package var beginsGroup: Bool?
    /// Whether addresses of its cards are to be set inside the guest; nil is no.
    package var setsAddresses: Bool?
    /// What the recovered VM is called; nil is as the protected one.
    package var recoveredName: String?
    /// The recovered VM, from when it was started until a test is stopped for it.
    package var recovered: VMIdentifier?
    /// How far the test is stopped for this VM alone; nil is not at all.
    package fileprivate(set) var leave: Leave?

    package init(
      vm: VMIdentifier,
      stream: StreamIdentifier,
      name: String,
      uuid: String,
      export: ExportIdentifier,
      delayInSeconds: Int = 0,
      beginsGroup: Bool? = nil,
      setsAddresses: Bool? = nil,
      recoveredName: String? = nil
    ) {
      self.vm = vm
      self.stream = stream
      self.name = name
      self.uuid = uuid
      self.export = export
      self.delayInSeconds = delayInSeconds
      self.beginsGroup = beginsGroup
      self.setsAddresses = setsAddresses
      self.recoveredName = recoveredName
    }
  }

  /// How a VM leaves a test that goes on for others.
  package enum Leave: String, Codable, Sendable {
    case underWay, done
  }

  /// A script of the VPG.
  package enum Script: String, Codable, Sendable {
    /// Before the recovered VMs start.
    case preRecovery = "PreRecovery"
    /// When they run, or when the protected ones are back.
    case postRecovery = "PostRecovery"
  }

  /// Where the workflow is.
  package enum Stage: String, Codable, Sendable {
    /// On the way to running VMs.
    case preparing
    /// VMs run: a test waits for its stop, the others for commit or rollback.
    case running
    /// Some VMs leave a test, the others go on.
    case leaving
    case committing
    case undoing
    case committed
    case undone

    /// Whether nothing is left to do.
    package var isFinal: Bool { self == .committed || self == .undone }
  }

  /// One thing to do.
  ///
  /// Numbers are indices into ``RecoveryWorkflow/machines``.
  package enum Step: Sendable, Equatable {
    /// VMs that are left out have a VPG of their own.
    case part
    /// The protected VMs are off, and what they wrote last goes on being sent.
    case shutDownSource
    /// A checkpoint after their last write is durable in every journal.
    case settleSource
    case standDownSource
    case refuseWrites(Int)
    case openExport(Int)
    /// The guests of the boot group before this machine's have come up, or had time to.
    case awaitGuests(Int)
    case startVM(Int)
    /// The cards inside the guest have the addresses that are wished for, or it is said why not.
    case setAddresses(Int)
    case promote(Int)
    case adoptReplicas(Int)
    case closeExport(Int)
    case dropJournal(Int)
    case retireSource
    /// The recovered VMs are protected, towards where they came from.
    case reverse
    case removeVM(Int)
    case acceptWrites(Int)
    case standUpSource
    case runScript(Script)
  }

  /// What the driver does next.
  package enum Action: Sendable, Equatable {
    case perform(Step)
    /// The step failed and is to be tried again after a pause.
    case retry(Step)
    /// Nothing until someone asks for a stop, a commit or a rollback.
    case wait
    /// The workflow can be forgotten.
    case finish
  }

  /// What an administrator may ask while VMs run.
  package enum Request: Sendable, Equatable {
    case stopTest
    /// For these VMs alone; the test as a whole if it has no others any more.
    case leaveTest(Set<VMIdentifier>)
    /// With a reversal the recovered VMs are protected from then on.
    case commit(Reversal?)
    case rollBack
    /// nil leaves it as the move was asked for.
    case commitMove(keepsSourceVMs: Bool?, Reversal?)
    case rollBackMove
  }
}

extension RecoveryWorkflow {
  /// The steps of the current stage, in order.
  package var steps: [Step] {
    switch stage {
    case .preparing: preparation
    case .leaving: leaving
    case .committing: commitment
    case .undoing: undoing
    case .running, .committed, .undone: []
    }
  }

  /// What to do now.
  ///
  /// Asking changes nothing.
  package var nextAction: Action {
    switch stage {
    case .running: .wait
    case .committed, .undone: .finish
    case .preparing, .leaving, .committing, .undoing: .perform(steps[cursor])
    }
  }

  /// The current step is done.
  package mutating func stepDone() -> Action {
    precondition(cursor < steps.count, "no step was under way")
    scriptUnderWay = nil
    cursor += 1
    if cursor == steps.count { enterNextStage() }
    return nextAction
  }

  /// The recovered VM of a machine is known, from its first start on.
  package mutating func started(_ machine: Int, as vm: VMIdentifier) {
    machines[machine].recovered = vm
  }

  /// The protected VMs have written for the last time, and this checkpoint holds all of it.
  package mutating func settled(at checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  /// The current step failed.
  package mutating func stepFailed(_ reason: String) -> Action {
    precondition(cursor < steps.count, "no step was under way")
    if case .runScript(let script) = steps[cursor], !isDecisive(script) { return stepDone() }
    guard stage == .preparing else { return .retry(steps[cursor]) }
    failure = reason
    enter(.undoing)
    return nextAction
  }

  /// Answers a request, or nil if it does not fit the kind or the stage.
  package mutating func request(_ request: Request) -> Action? {
    guard stage == .running else { return nil }
    switch (request, kind) {
    case (.stopTest, .test), (.rollBack, .failover), (.rollBackMove, .move): enter(.undoing)
    case (.leaveTest(let vms), .test):
      guard !vms.isEmpty, vms.isSubset(of: present) else { return nil }
      guard vms != present else {
        enter(.undoing)
        break
      }
      for index in machines.indices where vms.contains(machines[index].vm) {
        machines[index].leave = .underWay
      }
      enter(.leaving)
    case (.commit(let reversal), .failover):
      self.reversal = reversal
      enter(.committing)
    case (.commitMove(let keepsSourceVMs, let reversal), .move(var wish)):
      wish.keepsSourceVMs = keepsSourceVMs ?? wish.keepsSourceVMs
      kind = .move(wish)
      self.reversal = reversal
      enter(.committing)
    case (.stopTest, _), (.leaveTest, _), (.commit, _), (.rollBack, _), (.commitMove, _),
      (.rollBackMove, _):
      return nil
    }
    return nextAction
  }

  /// 0...99 while a stage is under way.
  package var progress: Int { steps.isEmpty ? 99 : cursor * 99 / steps.count }

  /// The VMs that have not left.
  package var present: Set<VMIdentifier> {
    Set(machines.filter { $0.leave == nil }.map(\.vm))
  }

  /// Whether the recovered VMs take the place of the protected ones.
  private var replacesSource: Bool { kind != .test }

  /// A move is held up by its script before the protected VMs are touched, a test and a failover
  /// when their point is held.
  private var preparation: [Step] {
    let opening = leaveTaking + machines.indices.map(Step.openExport)
    let before = run(.preRecovery)
    let isMove = if case .move = kind { true } else { false }
    return (isMove ? before + opening : opening + before) + starting + run(.postRecovery)
  }

  private func run(_ script: Script) -> [Step] {
    scripts?.contains(script) == true ? [.runScript(script)] : []
  }

  /// Group by group: all are started before anybody waits for one of them.
  private var starting: [Step] {
    let firsts = machines.indices.filter { $0 == 0 || machines[$0].beginsGroup == true }
    return zip(firsts, firsts.dropFirst() + [machines.count]).flatMap { first, end -> [Step] in
      let group = first..<end
      return (first == 0 ? [] : [.awaitGuests(first)]) + group.map(Step.startVM)
        + group.filter { machines[$0].setsAddresses == true }.map(Step.setAddresses)
    }
  }

  /// The machines of the boot group before the one that a machine begins.
  package func groupBefore(_ machine: Int) -> Range<Int> {
    let first = machines[..<machine].lastIndex { $0.beginsGroup == true } ?? 0
    return first..<machine
  }

  /// How the protected VMs are left, until the journals take nothing more of them.
  private var leaveTaking: [Step] {
    let end = [.standDownSource] + machines.indices.map(Step.refuseWrites)
    return switch kind {
    case .test: []
    case .failover: (remainder == nil ? [] : [.part]) + end
    case .move: [.shutDownSource, .settleSource] + end
    }
  }

  private var commitment: [Step] {
    machines.indices.flatMap { machine -> [Step] in
      [
        .promote(machine), .adoptReplicas(machine), .closeExport(machine), .dropJournal(machine),
      ]
    } + [.retireSource] + (reversal == nil ? [] : [.reverse])
  }

  private var leaving: [Step] {
    removal(of: machines.indices.filter { machines[$0].leave == .underWay })
  }

  private func removal(of machines: [Int]) -> [Step] {
    machines.reversed().map(Step.removeVM) + machines.reversed().map(Step.closeExport)
  }

  private var undoing: [Step] {
    removal(of: machines.indices.filter { machines[$0].leave == nil })
      + (replacesSource ? machines.indices.map(Step.acceptWrites) + [.standUpSource] : [])
      // Last, so that nothing has to wait for it; what a script did is for a script to take back.
      + (replacesSource && scriptBegun == true ? run(.postRecovery) : [])
  }

  private mutating func enterNextStage() {
    switch stage {
    case .preparing: enter(.running)
    case .leaving:
      for index in machines.indices where machines[index].leave == .underWay {
        (machines[index].leave, machines[index].recovered) = (.done, nil)
      }
      enter(.running)
    case .committing: enter(.committed)
    case .undoing: enter(.undone)
    case .running, .committed, .undone: preconditionFailure("a resting stage has no steps")
    }
  }

  private mutating func enter(_ next: Stage) {
    stage = next
    cursor = 0
    scriptUnderWay = nil
  }
}

// MARK: Scripts

extension RecoveryWorkflow {
  /// Whether the current step is a script that was begun: by whoever asks, or by a manager that is
  /// gone.
  package var isScriptUnderWay: Bool { scriptUnderWay == true }

  /// The current step, a script, is about to be run; to be stored before it is.
  package mutating func beginScript() {
    scriptUnderWay = true
    scriptBegun = true
  }

  /// Whether a failure of the script ends the recovery.
  ///
  /// It does before a test or a move, which can wait for another day. A failover cannot, and once
  /// VMs run a script is no reason to take them away.
  private func isDecisive(_ script: Script) -> Bool {
    guard stage == .preparing, script == .preRecovery else { return false }
    return switch kind {
    case .test: true
    case .failover: false
    case .move(let wish): wish.continuesOnScriptFailure != true
    }
  }
}

extension RecoveryWorkflow.Machine {
  /// A MAC address for a card that is not to have the protected VM's.
  package func newMACAddress(ofCard index: Int) -> String {
    newMACAddressOfCard(index, ofVM: uuid)
  }
}

/// A MAC address for a card of a VM that somebody else's VM was the model of.
///
/// It follows from the new VM's random UUID, so that a second try makes the same card; it is in the
/// range that QEMU's own addresses are in.
package func newMACAddressOfCard(_ index: Int, ofVM uuid: String) -> String {
  let number = (Int(uuid.suffix(6), radix: 16) ?? 0) + index
  let bytes = [16, 8, 0].map { (number >> $0) & 0xFF }
  return (["52", "54", "00"] + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) })
    .joined(separator: ":")
}
