// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test(arguments: ["london", "paris"])
  func `without a manager replication goes on and a new one knows everything`(
    name: String
  ) async throws {
    let bench = try await WithstandBench.ready()
    let site = name == bench.london.name ? bench.london : bench.paris
    let session = try await RawCall.logOn(to: site)
    let tasks = try await bench.tasks(at: site)
    let syncs = try await bench.syncEvents()
    let pause = try await bench.watchingGuest {
      try await bench.killManager(of: site)
      let last = try await bench.lastJournalWrite()
      let goesOn = try await Waiting.until(seconds: 20) {
        try await bench.lastJournalWrite() > last
      }
      #expect(goesOn, "nothing is written to the journal at paris")
      try await bench.startDaemons(at: site)
      try await bench.waitUntilProtected()
    }
    #expect(pause <= 2)
    #expect(try await bench.syncEvents() == syncs, "it was synchronised without need")
    #expect(try await bench.tasks(at: site) == tasks)
    try await RawCall("GET", "/vpgs", gives: 401).checkRefused(by: site, session: session)
  }

  /// The arguments are how far the operation is when the manager is killed, in percent.
  @Test(arguments: [(0, 0), (24, 49)])
  func `a manager killed in a failover and in its rollback goes on with them`(
    failover: Int,
    rollback: Int
  ) async throws {
    let bench = try await WithstandBench.ready()
    let point = try await bench.insertCheckpoint()
    try await bench.failOver(to: point, killingManagerAt: failover)
    #expect(try await bench.placesOfVM() == ["paris"])
    try await bench.checkRecoveredVM(at: point)
    try await bench.perform("FailoverRollback", killingManagerAt: rollback)
    #expect(try await bench.placesOfVM() == ["london"])
    #expect(try await bench.leftovers().isEmpty)
    #expect(try await bench.source.waitUntilServing(seconds: 120))
    try await bench.checkSequence(of: bench.source)
    try await bench.waitUntilProtected()
  }

  @Test func `a manager killed in a commit goes on with it`() async throws {
    let bench = try await WithstandBench.ready()
    let point = try await bench.insertCheckpoint()
    try await bench.failOver(to: point, killingManagerAt: 74)
    try await bench.checkRecoveredVM(at: point)
    try await bench.perform("FailoverCommit", killingManagerAt: 19)
    try await bench.checkCommitted()
  }
}

extension WithstandBench {
  /// Checks that the VM runs at paris alone, on its replicas, and that both sites know it.
  func checkCommitted(on pages: [String] = ["seq", "vdb-seq"]) async throws {
    #expect(try await placesOfVM() == ["paris"])
    #expect(try await leftovers() == [Self.vmName])
    let isKnown = try await Waiting.until(seconds: 30, every: .milliseconds(300)) {
      let states = [
        try await vpg(at: london)["Status"].int, try await vpg(at: paris)["Status"].int,
      ]
      return states == [8, 8]
    }
    #expect(isKnown, "not both sites know that the VPG was recovered")
    let guest = lab.guest(Self.vmName, at: paris)
    let number = try await guest.page("last")
    let goesOn = try await Waiting.until(seconds: 20) { try await guest.page("last") != number }
    #expect(goesOn, "the recovered guest does not write")
    try await checkSequence(of: guest, on: pages)
  }

  fileprivate func failOver(to point: DemoPoint, killingManagerAt percent: Int) async throws {
    try await perform(
      "Failover",
      [
        "CheckpointIdentifier": .text(point.identifier), "CommitPolicy": 2, "ShutdownPolicy": 2,
      ],
      killingManagerAt: percent
    )
  }

  /// Begins an operation at paris, kills its manager when the task is that far, starts it again
  /// and waits for the end of the task.
  func perform(
    _ operation: String,
    _ body: JSON = [:],
    killingManagerAt percent: Int
  ) async throws {
    let task = try await ask(paris) { client in
      let task = try await client.begin("/vpgs/\(vpg)/\(operation)", body)
      _ = try await Waiting.until(seconds: 60, every: .milliseconds(10)) {
        try await client.get("/tasks/\(task)")["Status"]["Progress"].int ?? 0 >= percent
      }
      // No logging off: the manager is killed right here.
      try await killManager(of: paris)
      return task
    }
    try await startDaemons(at: paris)
    try await ask(paris) { try await $0.waitForTask(task, seconds: 120) }
  }

  fileprivate func tasks(at site: LabSite) async throws -> [String] {
    try await ask(site) { client in
      try await client.get("/tasks").elements.map {
        "\($0["TaskIdentifier"]) \($0["Type"]) \($0["Status"]["State"])"
      }.sorted()
    }
  }

  /// How often a sync was begun.
  fileprivate func syncEvents() async throws -> Int {
    try await ask(london) { client in
      try await client.get("/events").elements
        .filter { ($0["Description"].text ?? "").contains("A sync of the VM") }.count
    }
  }

  /// When the journal at paris was last written to, in milliseconds.
  fileprivate func lastJournalWrite() async throws -> Int {
    let times = try await Program.run([
      "find", paris.datastoreFolder, "-path", "*/journal-*", "-type", "f", "-printf", "%T@\\n",
    ])
    let latest = times.split(whereSeparator: \.isNewline).compactMap { Double($0) }.max()
    return Int(try #require(latest) * 1000)
  }
}
