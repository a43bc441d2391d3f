// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@Suite struct RecoveryWorkflowTests {
  static let checkpoint = Checkpoint(
    identifier: CheckpointIdentifier(7),
    time: WallTime(milliseconds: 1),
    tag: ""
  )

  static func workflow(_ kind: RecoveryWorkflow.Kind, machineCount: Int = 2) -> RecoveryWorkflow {
    RecoveryWorkflow(
      identifier: "w",
      kind: kind,
      vpg: VPGIdentifier("v"),
      checkpoint: checkpoint,
      machines: (0..<machineCount).map { number in
        RecoveryWorkflow.Machine(
          vm: VMIdentifier("vm\(number)"),
          stream: StreamIdentifier("s\(number)"),
          name: "vm\(number)",
          uuid: "u\(number)",
          export: ExportIdentifier("e\(number)")
        )
      }
    )
  }

  static func drain(_ workflow: inout RecoveryWorkflow) -> [RecoveryWorkflow.Step] {
    var done: [RecoveryWorkflow.Step] = []
    while case .perform(let step) = workflow.nextAction {
      done.append(step)
      _ = workflow.stepDone()
    }
    return done
  }

  @Test func `a test never touches the source or the journal`() {
    var workflow = Self.workflow(.test)
    #expect(
      Self.drain(&workflow) == [.openExport(0), .openExport(1), .startVM(0), .startVM(1)]
    )
    #expect(workflow.nextAction == .wait)
    #expect(workflow.request(.stopTest) != nil)
    #expect(
      Self.drain(&workflow) == [.removeVM(1), .removeVM(0), .closeExport(1), .closeExport(0)]
    )
    #expect(workflow.nextAction == .finish)
    #expect(workflow.stage == .undone)
  }

  @Test func `a test is stopped for one VM after the other, and ends with the last`() throws {
    var workflow = Self.workflow(.test, machineCount: 3)
    _ = Self.drain(&workflow)
    for machine in 0..<3 { workflow.started(machine, as: VMIdentifier("t\(machine)")) }
    #expect(workflow.request(.leaveTest([VMIdentifier("vm1")])) == .perform(.removeVM(1)))
    #expect(workflow.stage == .leaving)
    #expect(workflow.request(.stopTest) == nil, "one is on its way out")
    #expect(workflow.stepFailed("busy") == .retry(.removeVM(1)))
    // A manager that is killed goes on with it.
    var again = try JSONDecoder().decode(
      RecoveryWorkflow.self,
      from: try JSONEncoder().encode(workflow)
    )
    #expect(again == workflow)
    #expect(Self.drain(&again) == [.removeVM(1), .closeExport(1)])
    #expect(again.nextAction == .wait)
    #expect(again.machines.map(\.recovered) == [VMIdentifier("t0"), nil, VMIdentifier("t2")])
    #expect(again.present == [VMIdentifier("vm0"), VMIdentifier("vm2")])

    let rest = again
    for vms in [[], ["vm1"], ["vm0", "vm1"], ["vm0", "none"]] {
      #expect(again.request(.leaveTest(Set(vms.map { VMIdentifier($0) }))) == nil, "\(vms)")
    }
    #expect(again == rest)

    var whole = again
    _ = whole.request(.stopTest)
    let ending: [RecoveryWorkflow.Step] = [
      .removeVM(2), .removeVM(0), .closeExport(2), .closeExport(0),
    ]
    #expect(Self.drain(&whole) == ending)
    _ = again.request(.leaveTest([VMIdentifier("vm0"), VMIdentifier("vm2")]))
    #expect(Self.drain(&again) == ending)
    #expect(again.stage == .undone && again.nextAction == .finish)
  }

  @Test func `VMs that are left out have their own VPG before anything is done to the others`() {
    func workflow() -> RecoveryWorkflow {
      RecoveryWorkflow(
        identifier: "w",
        kind: .failover(.init()),
        vpg: VPGIdentifier("v"),
        checkpoint: Self.checkpoint,
        machines: Self.workflow(.test, machineCount: 1).machines,
        remainder: VPGIdentifier("rest")
      )
    }
    var whole = workflow()
    #expect(
      Self.drain(&whole) == [
        .part, .standDownSource, .refuseWrites(0), .openExport(0), .startVM(0),
      ]
    )
    // What failed is undone; the VPG that was made stays.
    var failed = workflow()
    _ = failed.stepDone()
    _ = failed.stepFailed("it runs")
    #expect(
      Self.drain(&failed) == [.removeVM(0), .closeExport(0), .acceptWrites(0), .standUpSource]
    )
  }

  @Test func `a boot group is started and set up before the next one waits for its guests`() {
    let machines = (0..<4).map { number in
      RecoveryWorkflow.Machine(
        vm: VMIdentifier("vm\(number)"),
        stream: StreamIdentifier("s\(number)"),
        name: "vm\(number)",
        uuid: "u\(number)",
        export: ExportIdentifier("e\(number)"),
        beginsGroup: [2, 3].contains(number) ? true : nil,
        setsAddresses: [0, 3].contains(number) ? true : nil
      )
    }
    var workflow = RecoveryWorkflow(
      identifier: "w",
      kind: .test,
      vpg: VPGIdentifier("v"),
      checkpoint: Self.checkpoint,
      machines: machines
    )
    #expect(
      Array(Self.drain(&workflow).dropFirst(4)) == [
        .startVM(0), .startVM(1), .setAddresses(0), .awaitGuests(2), .startVM(2), .awaitGuests(3),
        .startVM(3), .setAddresses(3),
      ]
    )
    #expect(workflow.groupBefore(2) == 0..<2 && workflow.groupBefore(3) == 2..<3)
  }

  @Test func `a failover stands the source down before it opens anything`() {
    var workflow = Self.workflow(.failover(.init()), machineCount: 1)
    #expect(
      Self.drain(&workflow) == [.standDownSource, .refuseWrites(0), .openExport(0), .startVM(0)]
    )
  }

  @Test func `a move goes on sending until the last write is safe, then stands the source down`() {
    var workflow = Self.workflow(.move(.init()), machineCount: 1)
    #expect(
      Self.drain(&workflow) == [
        .shutDownSource, .settleSource, .standDownSource, .refuseWrites(0), .openExport(0),
        .startVM(0),
      ]
    )
    #expect(workflow.request(.rollBackMove) != nil)
    #expect(Self.drain(&workflow).last == .standUpSource)
  }

  @Test func `a move recovers the checkpoint it settled at`() {
    var workflow = Self.workflow(.move(.init()))
    _ = workflow.stepDone()
    let last = Checkpoint(
      identifier: CheckpointIdentifier(9),
      time: WallTime(milliseconds: 2),
      tag: ""
    )
    workflow.settled(at: last)
    _ = workflow.stepDone()
    #expect(workflow.checkpoint == last)
  }

  @Test(arguments: [(nil, true), (false, false), (true, true)])
  func `a commit of a move may say what becomes of the source`(wish: Bool?, keeps: Bool) {
    var workflow = Self.workflow(.move(.init()), machineCount: 1)
    _ = Self.drain(&workflow)
    #expect(workflow.request(.commitMove(keepsSourceVMs: wish, nil)) == .perform(.promote(0)))
    #expect(workflow.kind == .move(.init(keepsSourceVMs: keeps)))
  }

  @Test func `a commit promotes, adopts and forgets, machine by machine`() {
    var workflow = Self.workflow(.failover(.init()), machineCount: 1)
    _ = Self.drain(&workflow)
    #expect(workflow.request(.commit(nil)) == .perform(.promote(0)))
    #expect(
      Self.drain(&workflow) == [
        .promote(0), .adoptReplicas(0), .closeExport(0), .dropJournal(0), .retireSource,
      ]
    )
    #expect(workflow.stage == .committed)
  }

  @Test(arguments: [RecoveryWorkflow.Kind.failover(.init()), .move(.init())])
  func `a commit with a way back turns the VPG round once the source let go`(
    kind: RecoveryWorkflow.Kind
  ) {
    var workflow = Self.workflow(kind, machineCount: 1)
    _ = Self.drain(&workflow)
    let reversal = Reversal(folder: nil, vms: [])
    let request: RecoveryWorkflow.Request =
      if case .move = kind { .commitMove(keepsSourceVMs: nil, reversal) } else {
        .commit(reversal)
      }
    #expect(workflow.request(request) != nil)
    #expect(workflow.reversal == reversal)
    #expect(Self.drain(&workflow).suffix(2) == [.retireSource, .reverse])
  }

  @Test func `a rollback leaves one VM running and the journal accepting`() {
    var workflow = Self.workflow(.failover(.init()), machineCount: 1)
    _ = Self.drain(&workflow)
    #expect(workflow.request(.rollBack) == .perform(.removeVM(0)))
    #expect(
      Self.drain(&workflow) == [.removeVM(0), .closeExport(0), .acceptWrites(0), .standUpSource]
    )
  }

  @Test(arguments: 0..<6)
  func `a failure at any step of the preparation undoes all of it`(failing: Int) {
    var workflow = Self.workflow(.failover(.init()))
    for _ in 0..<failing { _ = workflow.stepDone() }
    let action = workflow.stepFailed("no space")
    #expect(action == .perform(.removeVM(1)))
    #expect(workflow.failure == "no space")
    #expect(Self.drain(&workflow).last == .standUpSource)
    #expect(workflow.stage == .undone)
  }

  private static func scripted(_ kind: RecoveryWorkflow.Kind) -> RecoveryWorkflow {
    var workflow = workflow(kind, machineCount: 1)
    workflow = RecoveryWorkflow(
      identifier: workflow.identifier,
      kind: kind,
      vpg: workflow.vpg,
      checkpoint: workflow.checkpoint,
      machines: workflow.machines,
      scripts: [.preRecovery, .postRecovery]
    )
    return workflow
  }

  @Test func `scripts run around the start of the VMs, before a move touches anything`() {
    var test = Self.scripted(.test)
    #expect(
      Self.drain(&test) == [
        .openExport(0), .runScript(.preRecovery), .startVM(0), .runScript(.postRecovery),
      ]
    )
    var move = Self.scripted(.move(.init()))
    #expect(Self.drain(&move).first == .runScript(.preRecovery))
    _ = move.request(.rollBackMove)
    #expect(Self.drain(&move).last == .standUpSource, "none was begun")
  }

  @Test(arguments: [
    (RecoveryWorkflow.Kind.test, true), (.failover(.init()), false), (.move(.init()), true),
    (.move(.init(continuesOnScriptFailure: true)), false),
  ])
  func `a script before that fails ends what can wait`(kind: RecoveryWorkflow.Kind, ends: Bool) {
    var workflow = Self.scripted(kind)
    while workflow.nextAction != .perform(.runScript(.preRecovery)) { _ = workflow.stepDone() }
    workflow.beginScript()
    #expect(workflow.isScriptUnderWay)
    _ = workflow.stepFailed("status 3")
    #expect(!workflow.isScriptUnderWay)
    #expect(workflow.stage == (ends ? .undoing : .preparing))
    #expect(workflow.failure == (ends ? "status 3" : ""))
  }

  @Test func `no script holds up a rollback`() {
    var workflow = Self.scripted(.failover(.init()))
    while case .perform(let step) = workflow.nextAction {
      if case .runScript = step { workflow.beginScript() }
      _ = workflow.stepDone()
    }
    _ = workflow.request(.rollBack)
    var steps: [RecoveryWorkflow.Step] = []
    while case .perform(let step) = workflow.nextAction {
      steps.append(step)
      if case .runScript = step { _ = workflow.stepFailed("hung") } else { _ = workflow.stepDone() }
    }
    #expect(steps.suffix(2) == [.standUpSource, .runScript(.postRecovery)])
    #expect(workflow.stage == .undone)
    #expect(workflow.failure.isEmpty)
  }

  @Test func `a failure after the commit began is tried again, never undone`() {
    var workflow = Self.workflow(.failover(.init()), machineCount: 1)
    _ = Self.drain(&workflow)
    _ = workflow.request(.commit(nil))
    _ = workflow.stepDone()
    #expect(workflow.stepFailed("busy") == .retry(.adoptReplicas(0)))
    #expect(workflow.nextAction == .perform(.adoptReplicas(0)))
  }

  @Test func `undoing is tried until it is done`() {
    var workflow = Self.workflow(.test, machineCount: 1)
    _ = workflow.stepFailed("no space")
    #expect(workflow.stepFailed("busy") == .retry(.removeVM(0)))
  }

  @Test func `requests that do not fit are refused and change nothing`() {
    var test = Self.workflow(.test)
    #expect(test.request(.stopTest) == nil, "it is not running yet")
    _ = Self.drain(&test)
    let before = test
    #expect(test.request(.commit(nil)) == nil)
    #expect(test.request(.rollBack) == nil)
    #expect(test == before)
    var failover = Self.workflow(.failover(.init()))
    _ = Self.drain(&failover)
    #expect(failover.request(.stopTest) == nil)
    #expect(failover.request(.leaveTest([VMIdentifier("vm0")])) == nil)
    #expect(failover.request(.commitMove(keepsSourceVMs: nil, nil)) == nil)
    #expect(failover.request(.rollBackMove) == nil)
    var move = Self.workflow(.move(.init()))
    _ = Self.drain(&move)
    #expect(move.request(.commit(nil)) == nil)
    #expect(move.request(.rollBack) == nil)
    _ = failover.request(.commit(nil))
    #expect(failover.request(.rollBack) == nil, "a commit that began is not rolled back")
  }

  @Test(arguments: [
    RecoveryWorkflow.Kind.test, .failover(.init(shutdownPolicy: .shutdown)), .move(.init()),
  ])
  func `after a crash at any step the same step comes again`(kind: RecoveryWorkflow.Kind) throws {
    var workflow = Self.workflow(kind)
    while case .perform(let step) = workflow.nextAction {
      let stored = workflow
      #expect(stored.nextAction == .perform(step))
      _ = workflow.stepDone()
    }
    #expect(workflow.stage == .running)
  }
}
