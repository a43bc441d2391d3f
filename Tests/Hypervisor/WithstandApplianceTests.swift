// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// The longest a guest may be held by an appliance that hangs.
  private static let longestHold = 2.0

  @Test(arguments: ["london", "paris"])
  func `an appliance that is killed is back in order and keeps its checkpoints`(
    name: String
  ) async throws {
    let bench = try await WithstandBench.ready()
    let site = name == bench.london.name ? bench.london : bench.paris
    let point = try await bench.insertCheckpoint()
    let old = try await bench.checkpoints()
    let pause = try await bench.watchingGuest {
      try await bench.kill(try await bench.worker(of: site))
      try await bench.waitUntilProtected()
      // The worker goes with its supervisor: nobody else could free a guest from it.
      let worker = try await bench.worker(of: site)
      try await bench.kill(try bench.supervisor(of: site))
      let isGone = try await Waiting.until(seconds: 10) {
        Daemon.commandLine(of: worker).isEmpty
      }
      #expect(isGone)
      try await bench.startDaemons(at: site)
      try await bench.waitUntilProtected()
    }
    #expect(pause <= Self.longestHold)
    #expect(Set(old).isSubset(of: try await bench.checkpoints()))
    // From before the faults, and from after the sync that mended what they cost.
    for point in [point, try await bench.insertCheckpoint()] {
      try await bench.tell { try await $0.testFailover(of: bench.vpg, to: point) }
    }
    #expect(try await bench.leftovers().isEmpty)
  }

  @Test func `a recovered VM outlives a restart of the appliance it reads from`() async throws {
    let bench = try await WithstandBench.ready()
    let point = try await bench.insertCheckpoint()
    _ = try await bench.tell { try await $0.failOver(bench.vpg, to: point) }
    try await bench.kill(try await bench.worker(of: bench.paris))
    let guest = bench.lab.guest(WithstandBench.vmName, at: bench.paris)
    let number = try #require(try await guest.page("last", seconds: 30))
    let goesOn = try await Waiting.until(seconds: 30) {
      try await guest.page("last") ?? number != number
    }
    #expect(goesOn, "the recovered guest does not write any more")
    try await bench.checkSequence(of: guest)
    try await bench.tell { try await $0.rollBack(bench.vpg) }
    #expect(try await bench.leftovers().isEmpty)
  }

  @Test func `a worker that hangs holds the guest two seconds at most`() async throws {
    let bench = try await WithstandBench.ready()
    let worker = try await bench.worker(of: bench.london)
    let pause = try await bench.watchingGuest {
      Foundation.kill(worker, SIGSTOP)
      try await bench.waitUntilProtected()
    }
    #expect(pause <= Self.longestHold)
    #expect(try await bench.worker(of: bench.london) != worker)
  }

  @Test func `an appliance that hangs as a whole holds the guest two seconds at most`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let processes = [
      try bench.supervisor(of: bench.london), try await bench.worker(of: bench.london),
    ]
    defer { for pid in processes { Foundation.kill(pid, SIGCONT) } }
    let pause = try await bench.watchingGuest {
      for pid in processes { Foundation.kill(pid, SIGSTOP) }
      // The manager cuts the taps, and says so.
      let isSeen = try await Waiting.until(seconds: 20, every: .milliseconds(200)) {
        let vpg = try await bench.vpg(at: bench.london)
        return vpg["Status"].int == 2 && vpg["SubStatus"].int == 26
      }
      #expect(isSeen)
      let number = try await bench.source.page("last")
      let goesOn = try await Waiting.until(seconds: 5) {
        try await bench.source.page("last") != number
      }
      #expect(goesOn)
      for pid in processes { Foundation.kill(pid, SIGCONT) }
      try await bench.waitUntilProtected()
    }
    #expect(pause <= Self.longestHold)
  }
}
