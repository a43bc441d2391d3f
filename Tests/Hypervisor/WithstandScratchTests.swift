// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `at the limit of its scratch a test is paused, and a VM that is failed over is not`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.limitScratch(to: ["WarningThresholdInMB": 1, "HardLimitInMB": 2])
    do {
      try await bench.testToTheLimit()
      try await bench.failOverBeyondTheLimit()
      try await bench.limitScratch(to: .null)
    } catch {
      try? await bench.limitScratch(to: .null)
      throw error
    }
    try await bench.checkUndone()
  }
}

extension WithstandBench {
  fileprivate func limitScratch(to limits: JSON) async throws {
    try await change("scratch") { $0["Limitation"] = limits }
  }

  fileprivate func testToTheLimit() async throws {
    #expect(try await outcome(of: "FailoverTest").succeeded)
    let name = "\(Self.vmName) - testing recovery"
    try await fill(lab.guest(name, at: paris))
    let isPaused = try await Waiting.until(seconds: 60, every: .milliseconds(500)) {
      try await state(of: name) == "paused"
    }
    #expect(isPaused, "the test writes on")
    try await wait(for: "VRA0039", at: paris, isOn: true)
    // Protection has nothing to do with it.
    try await waitUntilProtected()
    let stop = try await outcome(of: "FailoverTestStop", ["FailoverTestSuccess": true])
    #expect(stop.succeeded, "\(stop.words)")
    try await wait(for: "VRA0039", at: paris, isOn: false)
    #expect(try await leftovers().isEmpty)
  }

  fileprivate func failOverBeyondTheLimit() async throws {
    #expect(try await outcome(of: "Failover", ["CommitPolicy": 2, "ShutdownPolicy": 2]).succeeded)
    let guest = lab.guest(Self.vmName, at: paris)
    try await fill(guest)
    try await wait(for: "VRA0039", at: paris, isOn: true)
    let number = try await guest.page("last")
    let goesOn = try await Waiting.until(seconds: 30) { try await guest.page("last") != number }
    #expect(goesOn, "the VM that is failed over does not write")
    #expect(try await state(of: Self.vmName) == "running")
    #expect(try await outcome(of: "FailoverRollback").succeeded)
    try await wait(for: "VRA0039", at: paris, isOn: false)
  }

  /// Has a guest write more than its scratch may take, while it goes on.
  private func fill(_ guest: LabGuest) async throws {
    #expect(try await guest.waitUntilServing(seconds: 120))
    let writing = "dd if=/dev/urandom of=/data/much bs=64K count=48 conv=fsync >/dev/null 2>&1 &"
    try await guest.run("/bin/sh", ["-c", writing])
  }

  private func state(of name: String) async throws -> String {
    try await libvirt(of: paris).virsh(["domstate", name])
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
