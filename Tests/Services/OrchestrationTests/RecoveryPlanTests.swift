// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import Orchestration

@Suite struct RecoveryPlanTests {
  private static func vm(_ name: String, _ group: String?) -> VPGDefinition.ProtectedVM {
    var vm = VPGDefinition.ProtectedVM(
      identifier: VMIdentifier(name),
      name: name,
      stream: StreamIdentifier(name),
      nics: [],
      volumes: [],
      hardware: VMHardware(
        memoryInMB: 1,
        cpuCount: 1,
        architecture: "",
        machine: "",
        hasGuestAgent: false,
        macAddresses: []
      )
    )
    vm.bootGroup = group
    return vm
  }

  @Test func `groups start in their order, each after the delay of the one before it`() throws {
    var definition = VPGDefinition(
      identifier: VPGIdentifier("v"),
      name: "v",
      protectedSite: SiteIdentifier("a"),
      recoverySite: SiteIdentifier("b")
    )
    definition.bootGroups = [
      .init(identifier: "db", name: "Databases", delayInSeconds: 30),
      .init(identifier: "none", name: "Empty", delayInSeconds: 90),
      .init(identifier: "web", name: "Web", delayInSeconds: 60),
    ]
    definition.vms = [
      Self.vm("web1", "web"), Self.vm("db1", "db"), Self.vm("web2", "web"), Self.vm("db2", "db"),
    ]
    let checkpoint = Checkpoint(
      identifier: CheckpointIdentifier(1),
      time: WallTime(milliseconds: 1),
      tag: ""
    )
    let plan = RecoveryPlan(definition: definition, checkpoints: [checkpoint])
    let machines = try plan.test(.init()).machines
    #expect(machines.map(\.name) == ["db1", "db2", "web1", "web2"])
    #expect(machines.map(\.delayInSeconds) == [0, 0, 30, 0])
    #expect(machines.map(\.beginsGroup) == [nil, nil, true, nil])
  }
}
