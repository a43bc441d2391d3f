// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// The recovery site's manager is killed while the test is stopped for the first of the two.
  @Test func `a failover test of two VMs is stopped for one, and goes on for the other`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let app = try await bench.addVM("app1")
    try await bench.waitUntilProtected(seconds: 180)
    let point = try await bench.insertCheckpoint()
    let body: JSON = ["CheckpointIdentifier": .text(point.identifier)]
    #expect(try await bench.outcome(of: "FailoverTest", body).succeeded)
    let guests = ["app1", "web1"].map {
      bench.lab.guest("\($0) - testing recovery", at: bench.paris)
    }
    let (app1, web1) = (guests[0], guests[1])
    for guest in guests { #expect(try await guest.waitUntilServing(seconds: 120)) }
    try await bench.checkSequence(of: app1, on: ["seq"])
    try await bench.checkSequence(of: web1)
    let held = try await bench.leftovers()

    try await bench.leaveTest(app, saying: "no page")
    #expect(try await bench.lab.vmNames(at: bench.paris) == [web1.name])
    // What app1 had is gone, and no more than that.
    let left = try await bench.leftovers()
    #expect(left.count == (held.count + 1) / 2 && left.allSatisfy(held.contains), "\(held) \(left)")
    let number = try await web1.page("last")
    let goesOn = try await Waiting.until(seconds: 30) { try await web1.page("last") != number }
    #expect(goesOn, "\(web1.name) does not write")
    let boot = try #require(try await web1.page("found-seq", seconds: 20))
    let data = try #require(try await web1.page("found-vdb-seq", seconds: 20))
    #expect(point.bounds.fault(bootDisk: boot, dataDisk: data) == nil)
    try await bench.waitUntilProtected()

    let end: JSON = ["FailoverTestSuccess": true, "FailoverTestSummary": "it answers"]
    #expect(try await bench.outcome(of: "FailoverTestStop", end).succeeded)
    #expect(try await bench.leftovers().isEmpty)
    let evidence = try await bench.latestTest()
    #expect(evidence["Notes"].text == "app1: no page\nit answers")
    #expect(evidence["HasSucceeded"] == false)
    try await bench.removeVM(app)
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// Stops the test for one VM, as a failure, and prints how long that took.
  fileprivate func leaveTest(_ vm: String, saying words: String) async throws {
    let began = ContinuousClock.now
    let task = try await ask(paris) { client in
      let task = try await client.begin(
        "/vpgs/\(vpg)/FailoverTestStop",
        [
          "FailoverTestSuccess": false, "FailoverTestSummary": .text(words),
          "VmIdentifiers": [.text(vm)],
        ]
      )
      try await killManager(of: paris)
      return task
    }
    try await startDaemons(at: paris)
    try await ask(paris) { try await $0.waitForTask(task, seconds: 120) }
    print("a test was stopped for one of two VMs in \(ContinuousClock.now - began), with a kill")
  }

  /// What is known of the failover test that ended last.
  fileprivate func latestTest() async throws -> JSON {
    try await ask(paris) { client in
      let reports = try await client.get("/reports/recovery?recoveryType=FailoverTest").elements
      let identifier = try #require(reports.first?["RecoveryOperationIdentifier"].text)
      return try await client.get("/reports/recovery/\(identifier)/evidence")
    }
  }
}
