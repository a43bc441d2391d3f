// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct PartingTests {
  private static func definition(_ name: String, _ streams: [String]) -> VPGDefinition {
    VPGDefinition(
      identifier: VPGIdentifier(name),
      generation: 4,
      name: name,
      protectedSite: SiteIdentifier("london"),
      recoverySite: SiteIdentifier("paris"),
      vms: streams.map { stream in
        VPGDefinition.ProtectedVM(
          identifier: VMIdentifier("vm-\(stream)"),
          name: stream,
          stream: StreamIdentifier(stream),
          nics: [],
          volumes: [2, 0].map { number in
            VPGDefinition.ProtectedVolume(
              identifier: VolumeIdentifier("scsi:0:\(number)"),
              number: number,
              target: "vd\(number)",
              byteCount: 1
            )
          },
          hardware: VMHardware(
            memoryInMB: 1,
            cpuCount: 1,
            architecture: "x86_64",
            machine: "q35",
            hasGuestAgent: false,
            macAddresses: []
          )
        )
      }
    )
  }

  @Test func `VMs that part keep their streams, and their replicas where they are`() {
    var whole = Self.definition("web", ["a", "b", "c"])
    whole.vms[1].formerVolumes = [whole.vms[1].volumes[0]]
    whole.vms[1].formerVolumes[0].number = 1
    let (kept, left) = whole.parting(
      keeping: [StreamIdentifier("a")],
      others: VPGIdentifier("rest"),
      named: "web (remaining)",
      replicas: [StreamIdentifier("b"): [0: "/b0", 1: "/b1", 2: "/b2"]]
    )
    #expect(kept.identifier == whole.identifier && kept.generation == 5 && kept.name == "web")
    #expect(kept.vms == [whole.vms[0]])
    #expect(left.identifier == VPGIdentifier("rest") && left.generation == 1)
    #expect(left.name == "web (remaining)" && left.policy == whole.policy)
    #expect(left.streams == [StreamIdentifier("b"), StreamIdentifier("c")])
    #expect(left.vms[0].volumes.map(\.replicaPath) == ["/b2", "/b0"])
    #expect(left.vms[0].formerVolumes.map(\.replicaPath) == ["/b1"])
  }

  @Test func `the new VPG has a name that none has, and no longer one than a VPG may have`() {
    let names = ["web (Remaining)", "web (remaining 2)"]
    #expect(VPGDefinition.nameOfRemainder(of: "web", taken: names) == "web (remaining 3)")
    let long = String(repeating: "w", count: 200)
    #expect(VPGDefinition.nameOfRemainder(of: long, taken: []).count <= 200)
  }

  @Test func `VMs that went into other VPGs are told from VMs that are protected no more`() {
    let old = Self.definition("web", ["a", "b", "c"])
    let newer = Self.definition("web", ["a"])
    let (rest, other) = (Self.definition("rest", ["b"]), Self.definition("other", ["b", "x"]))
    #expect(old.remainders(of: newer, among: [newer, rest, other]) == [rest])
    #expect(old.remainders(of: newer, among: [newer, other]).isEmpty)
    #expect(old.remainders(of: old, among: [rest]).isEmpty)
    let twice = [rest, Self.definition("more", ["c"])]
    #expect(old.remainders(of: newer, among: twice) == twice)
    var elsewhere = rest
    elsewhere.recoverySite = SiteIdentifier("rome")
    #expect(old.remainders(of: newer, among: [elsewhere]).isEmpty)
  }
}
