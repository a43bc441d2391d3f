// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

struct SettledDiskTests {
  private static func machine() -> VPGDefinition.ProtectedVM {
    var volumes = (0..<3).map { number in
      VPGDefinition.ProtectedVolume(
        identifier: VolumeIdentifier("disk\(number)"),
        number: number,
        target: "vd\(number)",
        byteCount: 1 << 20
      )
    }
    volumes[1].isSwap = true
    volumes[2].isSwap = true
    return VPGDefinition.ProtectedVM(
      identifier: VMIdentifier("vm"),
      name: "vm",
      stream: StreamIdentifier("stream"),
      nics: [],
      volumes: volumes,
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

  @Test func `disks settle once all of them are there, and no more when the other site lost them`()
  {
    let vm = Self.machine()
    #expect(vm.settled(after: [], with: .unknown).isEmpty)
    let all = vm.settled(after: [], with: .whole)
    #expect(vm.resting(in: all).map(\.target) == ["vd1", "vd2"])
    #expect(vm.settled(after: all, with: nil) == all)
    #expect(vm.settled(after: all, with: .partial).isEmpty)
  }

  @Test func `a disk that is another one by now is not settled`() {
    var vm = Self.machine()
    let all = vm.settled(after: [], with: .whole)
    vm.volumes[1].byteCount *= 2
    vm.volumes[2].isSwap = nil
    #expect(vm.resting(in: all).isEmpty)
    #expect(vm.settled(after: all, with: .unknown).isEmpty)
    vm = Self.machine()
    vm.stream = StreamIdentifier("another")
    #expect(vm.resting(in: all).isEmpty)
  }
}
