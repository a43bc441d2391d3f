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

  /// A plan of a definition, with one checkpoint.
  private static func plan(_ change: (inout VPGDefinition) -> Void) -> RecoveryPlan {
    var definition = VPGDefinition(
      identifier: VPGIdentifier("v"),
      name: "v",
      protectedSite: SiteIdentifier("a"),
      recoverySite: SiteIdentifier("b")
    )
    change(&definition)
    let checkpoint = Checkpoint(
      identifier: CheckpointIdentifier(1),
      time: WallTime(milliseconds: 1),
      tag: ""
    )
    return RecoveryPlan(definition: definition, checkpoints: [checkpoint])
  }

  @Test func `groups start in their order, each after the delay of the one before it`() throws {
    let plan = Self.plan { definition in
      definition.bootGroups = [
        .init(identifier: "db", name: "Databases", delayInSeconds: 30),
        .init(identifier: "none", name: "Empty", delayInSeconds: 90),
        .init(identifier: "web", name: "Web", delayInSeconds: 60),
      ]
      definition.vms = [
        Self.vm("web1", "web"), Self.vm("db1", "db"), Self.vm("web2", "web"), Self.vm("db2", "db"),
      ]
    }
    let machines = try plan.test(.init()).machines
    #expect(machines.map(\.name) == ["db1", "db2", "web1", "web2"])
    #expect(machines.map(\.delayInSeconds) == [0, 0, 30, 0])
    #expect(machines.map(\.beginsGroup) == [nil, nil, true, nil])
  }

  @Test func `VMs that are in no other group start where the default group is`() throws {
    let plan = Self.plan { definition in
      definition.bootGroups = [
        .init(identifier: "db", name: "Databases", delayInSeconds: 30), .default,
        .init(identifier: "web", name: "Web", delayInSeconds: 60),
      ]
      definition.vms = [Self.vm("web1", "web"), Self.vm("app1", nil), Self.vm("db1", "db")]
    }
    let machines = try plan.test(.init()).machines
    #expect(machines.map(\.name) == ["db1", "app1", "web1"])
    #expect(machines.map(\.delayInSeconds) == [0, 30, 0])
    #expect(machines.map(\.beginsGroup) == [nil, true, true])
  }

  @Test func `a VM whose name another one has at the recovery site gets one that is free`() throws {
    var plan = Self.plan { definition in
      definition.vms = ["web1", "db1", "app1"].map { Self.vm($0, nil) }
    }
    plan.takenNames = ["web1", "db1", "db1 - recovered"]
    let failover = try plan.failover(.init())
    #expect(
      failover.machines.map(\.recoveredName) == ["web1 - recovered", "db1 - recovered 2", nil]
    )
    #expect(try plan.test(.init()).machines.map(\.recoveredName) == [nil, nil, nil])
  }
}
