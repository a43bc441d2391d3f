// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

struct RelocationWorkflowTests {
  private static let host = HostIdentifier("h2")

  private static func workflow() -> RelocationWorkflow {
    RelocationWorkflow(
      identifier: "r",
      parts: [
        .init(vpg: VPGIdentifier("0"), name: "none", staysBecause: "it is nailed down."),
        .init(vpg: VPGIdentifier("1"), name: "one", machines: [VMIdentifier("a"): host]),
        .init(vpg: VPGIdentifier("2"), name: "two", machines: [VMIdentifier("b"): host]),
      ]
    )
  }

  @Test func `VPGs are changed one after the other, and one that fails keeps none`() {
    var workflow = Self.workflow()
    #expect(workflow.current?.name == "one")
    #expect(workflow.found(.waiting) == .ask)
    workflow.asked(TaskIdentifier("t"), by: "m")
    #expect(workflow.current?.task == TaskIdentifier("t"))
    #expect(workflow.found(.working) == .wait)
    #expect(workflow.found(.failed("the disk is full.")) == .goOn)
    #expect(workflow.current?.name == "two")
    #expect(workflow.progress == 66)
    #expect(workflow.found(.moved) == .goOn)
    #expect(workflow.isOver)
    #expect(workflow.stayed.map(\.reason) == ["it is nailed down.", "the disk is full."])
  }

  @Test func `a change that the manager's end cut short is asked for again`() {
    var workflow = Self.workflow()
    workflow.asked(TaskIdentifier("t"), by: "m")
    #expect(workflow.found(.interrupted("no answer.")) == .wait)
    #expect(workflow.current?.name == "one")
    #expect(workflow.current?.task == nil)
    #expect(workflow.found(.waiting) == .ask)
  }

  @Test func `what may pass is tried a few times, other refusals are final`() {
    var workflow = Self.workflow()
    for _ in 1..<RelocationWorkflow.attemptLimit {
      workflow.refused("a test is under way.", mayPass: true)
      #expect(workflow.current?.name == "one")
    }
    workflow.refused("a test is under way.", mayPass: true)
    #expect(workflow.current?.name == "two")
    workflow.refused("there is no such host.", mayPass: false)
    #expect(workflow.isOver)
    #expect(workflow.stayed.count == 3)
  }
}

/// Definitions with VMs on other hosts.
struct RelocatingTests {
  private static func definition() -> VPGDefinition {
    var definition = VPGDefinition(
      identifier: VPGIdentifier("v"),
      name: "web",
      protectedSite: SiteIdentifier("l"),
      recoverySite: SiteIdentifier("p")
    )
    definition.recovery.host = HostIdentifier("h1")
    definition.recovery.datastore = DatastoreIdentifier("h1.one")
    definition.journal.datastore = DatastoreIdentifier("h1.journals")
    definition.vms = ["a", "b"].map { name in
      VPGDefinition.ProtectedVM(
        identifier: VMIdentifier(name),
        name: name,
        stream: StreamIdentifier(name),
        nics: [],
        volumes: [
          .init(identifier: VolumeIdentifier("0"), number: 0, target: "vda", byteCount: 1),
          .init(
            identifier: VolumeIdentifier("1"),
            number: 1,
            target: "vdb",
            byteCount: 1,
            datastore: DatastoreIdentifier("h1.local")
          ),
        ],
        hardware: VMHardware(
          memoryInMB: 1,
          cpuCount: 1,
          architecture: "",
          machine: "",
          hasGuestAgent: false,
          macAddresses: []
        )
      )
    }
    return definition
  }

  /// Every datastore but the local one is shared.
  private static func counterpart(
    _ datastore: DatastoreIdentifier,
    _ host: HostIdentifier
  ) -> DatastoreIdentifier? {
    datastore.rawValue.hasSuffix("local")
      ? nil : DatastoreIdentifier(datastore.rawValue.replacing("h1", with: host.rawValue))
  }

  @Test func `a VM takes its datastores along, and the others stay as they were`() {
    let old = Self.definition()
    let new = old.relocating(
      [VMIdentifier("a"): HostIdentifier("h2")],
      counterpart: Self.counterpart
    )
    #expect(new.generation == old.generation + 1)
    #expect(new.vms[1] == old.vms[1])
    #expect(new.recovery == old.recovery)
    let vm = new.vms[0]
    #expect(new.recoveryHost(of: vm) == HostIdentifier("h2"))
    #expect(new.journalLimits(of: vm).datastore == DatastoreIdentifier("h2.journals"))
    #expect(new.journalLimits(of: vm).hardLimitInMB == old.journal.hardLimitInMB)
    #expect(
      vm.volumes.map { new.recoveryDatastore(of: $0, in: vm)?.rawValue } == ["h2.one", "h1.local"]
    )
  }

  @Test func `once all VMs are on another host, new ones come there too`() {
    let old = Self.definition()
    let host = HostIdentifier("h2")
    let new = old.relocating(
      [VMIdentifier("a"): host, VMIdentifier("b"): host],
      counterpart: Self.counterpart
    )
    #expect(new.recovery.host == host)
    #expect(new.recovery.datastore == DatastoreIdentifier("h2.one"))
    #expect(new.journal.datastore == DatastoreIdentifier("h2.journals"))
  }
}
