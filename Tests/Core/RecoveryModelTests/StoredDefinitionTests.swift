// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

/// Definitions are kept as JSON, and come from managers of other ages.
@Suite struct `A stored definition` {
  private typealias Volume = VPGDefinition.ProtectedVolume
  private typealias VM = VPGDefinition.ProtectedVM

  private static func volume(_ number: Int) -> Volume {
    Volume(
      identifier: VolumeIdentifier("disk \(number)"),
      number: number,
      target: "vd\(number)",
      byteCount: 4096
    )
  }

  private static func vm(_ numbers: [Int]) -> VM {
    VM(
      identifier: VMIdentifier("vm"),
      name: "db1",
      stream: StreamIdentifier("stream"),
      nics: [],
      volumes: numbers.map(volume),
      hardware: VMHardware(
        memoryInMB: 1024,
        cpuCount: 1,
        architecture: "x86_64",
        machine: "q35",
        hasGuestAgent: false,
        macAddresses: []
      )
    )
  }

  @Test func `keeps every member of a volume`() throws {
    var volume = Self.volume(7)
    volume.datastore = DatastoreIdentifier("store")
    volume.replicaPath = "/replica"
    volume.isThin = false
    volume.preseed = .init(path: "/seed")
    volume.syncSettings = "ContinuousSync"
    volume.isSwap = true
    let unset = Mirror(reflecting: volume).children.filter { "\($0.value)" == "nil" }
    #expect(unset.isEmpty, "a member that this test does not set")
    let text = try JSONEncoder().encode(volume)
    #expect(try JSONDecoder().decode(Volume.self, from: text) == volume)
  }

  @Test func `has its members at the top, and every one of them`() throws {
    var definition = VPGDefinition(
      identifier: VPGIdentifier("vpg"),
      generation: 3,
      name: "App",
      description: "words",
      protectedSite: SiteIdentifier("a"),
      recoverySite: SiteIdentifier("b"),
      vms: [Self.vm([0])]
    )
    definition.retention = RetentionPolicy(isEnabled: true, repository: RepositoryIdentifier("r"))
    let text = try JSONEncoder().encode(definition)
    #expect(try JSONDecoder().decode(VPGDefinition.self, from: text) == definition)
    let members = try #require(JSONSerialization.jsonObject(with: text) as? [String: Any])
    #expect(
      members.keys.sorted() == [
        "bootGroups", "description", "generation", "identifier", "journal", "name", "networks",
        "policy", "protectedSite", "recovery", "recoverySite", "retention", "scratch", "scripting",
        "vms",
      ]
    )
  }

  @Test func `is a value: a copy stays as it was when the other is changed`() {
    let old = VPGDefinition(
      identifier: VPGIdentifier("vpg"),
      name: "App",
      protectedSite: SiteIdentifier("a"),
      recoverySite: SiteIdentifier("b"),
      vms: [Self.vm([0]), Self.vm([1, 2])]
    )
    var new = old
    new.vms[1].volumes[0].byteCount = 1
    new.name = "Other"
    #expect(old.name == "App")
    #expect(old.provisionedByteCount == 3 * 4096)
    #expect(new.provisionedByteCount == 2 * 4096 + 1)
    #expect(new != old)
    new.vms[1].volumes[0].byteCount = 4096
    new.name = "App"
    #expect(new == old && new.hashValue == old.hashValue)
  }

  @Test func `has the volumes that were taken away, under their numbers`() throws {
    var vm = Self.vm([0, 2])
    vm.formerVolumes = [Self.volume(1)]
    let text = try JSONEncoder().encode(vm)
    #expect(try JSONDecoder().decode(VM.self, from: text) == vm)
  }

  @Test func `from before volumes had numbers counts them by their places`() throws {
    let text = try JSONEncoder().encode(Self.vm([5, 6, 7]))
    var members = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    let volumes = try #require(members["volumes"] as? [[String: Any]])
    members["volumes"] = volumes.map { $0.filter { $0.key != "number" } }
    let old = try JSONSerialization.data(withJSONObject: members)
    let vm = try JSONDecoder().decode(VM.self, from: old)
    #expect(vm.volumes.map(\.number) == [0, 1, 2])
    #expect(vm.formerVolumes.isEmpty)
  }
}
