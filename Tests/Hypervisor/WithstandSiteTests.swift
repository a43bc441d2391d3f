// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `without a link for twenty seconds the guest does not wait`() async throws {
    let bench = try await WithstandBench.ready()
    let old = try await bench.checkpoints()
    var rpos: [Int] = []
    let pause = try await bench.watchingGuest {
      try await bench.setLink(up: false)
      let end = ContinuousClock.now + .seconds(20)
      var isDisconnected = false
      _ = try await Waiting.until(seconds: 25, every: .seconds(1)) {
        let vpg = try await bench.vpg(at: bench.london)
        rpos.append(vpg["ActualRPO"].int ?? -1)
        isDisconnected = vpg["Status"].int == 2 && vpg["SubStatus"].int == 24
        return ContinuousClock.now >= end
      }
      #expect(isDisconnected)
      #expect(rpos == rpos.sorted() && rpos.last ?? 0 >= 18, "\(rpos)")
      try await bench.setLink(up: true)
      try await bench.waitUntilProtected()
    }
    #expect(pause <= 2)
    #expect(Set(old).isSubset(of: try await bench.checkpoints()))
    #expect(try await bench.vpg(at: bench.london)["ActualRPO"].int ?? 99 <= 5)
  }

  @Test func `the recovery site can do everything when the protected one is gone`() async throws {
    let bench = try await WithstandBench.ready()
    let point = try await bench.insertCheckpoint()
    try await bench.loseSite(bench.london)
    let paris = try await ZVMClient(loggingInTo: bench.paris)
    let failover: JSON = [
      "CheckpointIdentifier": .text(point.identifier), "CommitPolicy": 2, "ShutdownPolicy": 2,
    ]
    do {
      try await paris.perform("/vpgs/\(bench.vpg)/Failover", failover, seconds: 60)
      try await bench.checkRecoveredVM(at: point)
      try await paris.perform("/vpgs/\(bench.vpg)/FailoverRollback", seconds: 60)
      #expect(try await bench.leftovers().isEmpty)
      try await paris.perform("/vpgs/\(bench.vpg)/Failover", failover, seconds: 60)
      try await bench.checkRecoveredVM(at: point)
      try await paris.perform("/vpgs/\(bench.vpg)/FailoverCommit", seconds: 120)
    } catch {
      await paris.close()
      throw error
    }
    await paris.close()
    try await bench.setLink(up: true)
    try await bench.lab.up()
    try await bench.checkCommitted()
  }
}
