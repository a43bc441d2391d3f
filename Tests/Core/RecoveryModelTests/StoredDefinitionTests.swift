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
