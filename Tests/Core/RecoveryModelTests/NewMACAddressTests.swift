// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct NewMACAddressTests {
  @Test func `a new MAC address follows from the VM's UUID and differs by card`() {
    let machine = RecoveryWorkflow.Machine(
      vm: VMIdentifier("v"),
      stream: StreamIdentifier("s"),
      name: "web1",
      uuid: "6b1f2c0e-0000-4000-8000-0000000a0bff",
      export: ExportIdentifier("e")
    )
    #expect(machine.newMACAddress(ofCard: 0) == "52:54:00:0a:0b:ff")
    #expect(machine.newMACAddress(ofCard: 1) == "52:54:00:0a:0c:00")
  }
}
