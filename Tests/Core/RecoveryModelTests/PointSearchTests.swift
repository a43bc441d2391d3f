// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct PointSearchTests {
  private func points(_ count: Int) -> [Checkpoint] {
    (0..<count).map {
      Checkpoint(
        identifier: CheckpointIdentifier(UInt64($0) * 3 + 10),
        time: WallTime(milliseconds: Int64($0) * 5000),
        tag: ""
      )
    }
  }

  private func probe(_ point: Checkpoint, passes: Bool) -> PointSearch.Probe {
    PointSearch.Probe(
      checkpoint: point,
      hasPassed: passes,
      finding: "",
      began: point.time,
      ended: point.time
    )
  }

  /// Searches where the first `good` points pass.
  private func search(_ points: [Checkpoint], good: Int) -> PointSearch {
    let limit = good < points.count ? points[good].identifier : CheckpointIdentifier(.max)
    var search = PointSearch()
    while let next = search.next(of: points) {
      search.note(probe(next, passes: next.identifier < limit))
    }
    return search
  }

  @Test func `five hundred thousand points take at most nineteen probes`() {
    let all = points(500_000)
    #expect(PointSearch.mostProbes(of: all.count) == 19)
    for good in [0, 1, 2, 249_999, 250_000, 250_001, 333_333, 499_998, 499_999, 500_000] {
      let search = search(all, good: good)
      #expect(search.probes.count <= 19, "\(good)")
      #expect(search.lastGood == (good == 0 ? nil : all[good - 1]), "\(good)")
      #expect(search.firstBad == (good == all.count ? nil : all[good]), "\(good)")
    }
  }

  @Test func `every place in every short history is found, in as few probes as there can be`() {
    for count in 0...40 {
      let all = points(count)
      for good in 0...count {
        let search = search(all, good: good)
        #expect(search.lastGood == (good == 0 ? nil : all[good - 1]))
        #expect(search.firstBad == (good == count ? nil : all[good]))
        #expect(search.probes.count <= PointSearch.mostProbes(of: count))
      }
    }
    #expect((0...9).map(PointSearch.mostProbes) == [0, 1, 2, 2, 3, 3, 3, 3, 4, 4])
  }

  @Test func `points that go and points that come leave the search right`() {
    let all = points(100)
    var search = PointSearch()
    // The history loses its oldest points after each probe, and gains new ones, which fail.
    var window = all[0..<60]
    while let next = search.next(of: Array(window)) {
      search.note(probe(next, passes: next.identifier < all[40].identifier))
      window = all[min(window.startIndex + 3, 35)..<min(window.endIndex + 5, 100)]
    }
    #expect(search.lastGood == all[39])
    #expect(search.firstBad == all[40])
  }
}

@Suite struct PointSearchWorkflowTests {
  private static let time = WallTime(milliseconds: 1000)

  private let points = (1...7).map {
    Checkpoint(
      identifier: CheckpointIdentifier($0),
      time: WallTime(milliseconds: Int64($0) * 1000),
      tag: ""
    )
  }

  private func workflow(
    oldest: UInt64? = nil,
    newest: UInt64 = 7,
    looks: Bool = false
  ) -> PointSearchWorkflow {
    let file = PointCheck.FileCondition(vm: VMIdentifier("vm"), path: "/vda1/x", rule: .exists)
    return PointSearchWorkflow(
      identifier: "s",
      vpg: VPGIdentifier("v"),
      check: PointCheck(
        url: nil,
        needsGuestAgent: !looks,
        timeoutInSeconds: 60,
        files: looks ? [file] : nil
      ),
      oldest: oldest.map { CheckpointIdentifier($0) },
      newest: CheckpointIdentifier(newest)
    )
  }

  private func look(at point: Checkpoint) -> PointLook {
    PointLook(
      checkpoint: point,
      machines: [.init(vm: VMIdentifier("vm"), session: ExportIdentifier("files-f"))]
    )
  }

  private func test(of point: Checkpoint) -> RecoveryWorkflow {
    RecoveryWorkflow(
      identifier: "p\(point.identifier)",
      kind: .test,
      vpg: VPGIdentifier("v"),
      checkpoint: point,
      machines: [
        .init(
          vm: VMIdentifier("vm"),
          stream: StreamIdentifier("st"),
          name: "web1",
          uuid: "u",
          export: ExportIdentifier("e")
        )
      ]
    )
  }

  /// A world of VMs and exports, which a search changes.
  private struct World {
    var exports = 0
    var machines = 0
    var actions = 0

    mutating func perform(_ step: RecoveryWorkflow.Step) {
      switch step {
      case .openExport: exports = 1
      case .startVM: machines = 1
      case .removeVM: machines = 0
      case .closeExport: exports = 0
      default: Issue.record("a test has no step \(step)")
      }
    }
  }

  /// Drives a search to its end, or through so many actions.
  private func drive(
    _ workflow: inout PointSearchWorkflow,
    _ world: inout World,
    good: UInt64,
    limit: Int = .max,
    failing: Bool = false
  ) {
    while world.actions < limit {
      world.actions += 1
      switch workflow.nextAction {
      case .choose:
        guard let next = workflow.choose(of: points) else { continue }
        if workflow.check.files != nil {
          workflow.begin(look(at: next), at: Self.time)
        } else {
          workflow.begin(test(of: next), at: Self.time)
        }
      case .open:
        guard !failing else {
          workflow.cannotOpen("no file system")
          continue
        }
        world.exports = 1
        workflow.opened()
      case .close:
        world.exports = 0
        workflow.closed(at: Self.time)
      case .perform(let step), .retry(let step):
        if failing, case .startVM = step {
          _ = workflow.stepFailed("no room", at: Self.time)
        } else {
          world.perform(step)
          workflow.stepDone(at: Self.time)
        }
      case .check:
        #expect(world.machines == (workflow.look == nil ? 1 : 0) && world.exports == 1)
        let number = workflow.probing?.identifier.number ?? 0
        workflow.checked(.init(hasPassed: number <= good, finding: "\(number)"))
      case .finish: return
      }
    }
  }

  @Test(arguments: 0...7 as ClosedRange<UInt64>, [false, true])
  func `the last good point is found, and no probe stays`(good: UInt64, looks: Bool) {
    var workflow = workflow(looks: looks)
    var world = World()
    drive(&workflow, &world, good: good)
    #expect(workflow.search.lastGood?.identifier.number == (good == 0 ? nil : good))
    #expect(workflow.search.firstBad?.identifier.number == (good == 7 ? nil : good + 1))
    #expect(workflow.search.probes.count == 3)
    #expect(world.machines == 0 && world.exports == 0)
    #expect(workflow.isOver && workflow.failure.isEmpty)
  }

  @Test func `only points within the bounds are tried`() {
    var workflow = workflow(oldest: 3, newest: 5)
    var world = World()
    drive(&workflow, &world, good: 7)
    #expect(workflow.search.lastGood?.identifier.number == 5)
    #expect(workflow.search.firstBad == nil)
  }

  @Test(arguments: [false, true])
  func `an abort after any action ends the search with nothing left`(looks: Bool) {
    for limit in 0...40 {
      var workflow = workflow(looks: looks)
      var world = World()
      drive(&workflow, &world, good: 4, limit: limit)
      let wasOver = workflow.isOver
      let isAborted = workflow.abort()
      #expect(isAborted == !wasOver)
      if case .check = workflow.nextAction { workflow.endCheck() }
      world.actions = 0
      drive(&workflow, &world, good: 4)
      #expect(workflow.isOver && workflow.probing == nil, "\(limit)")
      #expect(world.machines == 0 && world.exports == 0, "\(limit)")
      let isAbortedAgain = workflow.abort()
      #expect(!isAbortedAgain)
    }
  }

  @Test func `a point that cannot be looked at has no verdict, and ends the search in words`() {
    var workflow = workflow(looks: true)
    var world = World()
    drive(&workflow, &world, good: 4, failing: true)
    #expect(workflow.isOver && workflow.search.probes.isEmpty)
    #expect(workflow.failure == "Checkpoint 4 cannot be tried: no file system")
    #expect(world.exports == 0)
  }

  @Test func `a point that cannot be tried has no verdict, and ends the search in words`() {
    var workflow = workflow()
    var world = World()
    drive(&workflow, &world, good: 4, failing: true)
    #expect(workflow.failure == "Checkpoint 4 cannot be tried: no room")
    #expect(workflow.search.probes.isEmpty)
    #expect(world.machines == 0 && world.exports == 0)
  }

  @Test func `a check that cannot be made gives no verdict, and nothing of the probe stays`() {
    var workflow = workflow()
    var world = World()
    while !workflow.isOver || workflow.probe != nil {
      if case .check = workflow.nextAction {
        workflow.cannotCheck("there is no such script")
      } else {
        drive(&workflow, &world, good: 4, limit: world.actions + 1)
      }
    }
    #expect(workflow.failure == "Checkpoint 4 cannot be tried: there is no such script")
    #expect(workflow.search.probes.isEmpty)
    #expect(world.machines == 0 && world.exports == 0)
  }
}
