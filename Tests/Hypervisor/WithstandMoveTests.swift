// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a move loses nothing, and a manager killed in it goes on with it`() async throws {
    let bench = try await WithstandBench.ready()
    try await bench.move(killingManagerAt: 20)
    // The guest is off: its disks are what the recovered VM has to have started from.
    let last = try #require(try await bench.checkpoints().last)
    try await bench.compareDisks(with: last)
    try await bench.perform("moveRollback")
    #expect(try await bench.placesOfVM() == ["london"])
    #expect(try await bench.leftovers().isEmpty)
    #expect(try await bench.source.waitUntilServing(seconds: 120))
    try await bench.checkSequence(of: bench.source)
    try await bench.waitUntilProtected()
  }

  @Test func `a committed move leaves one VM, on its own disks`() async throws {
    let bench = try await WithstandBench.ready()
    try await bench.move()
    try await bench.perform("MoveCommit", ["KeepSourceVms": false])
    try await bench.checkCommitted()
    let names = try await bench.lab.vmNames(at: bench.london)
    #expect(!names.contains(WithstandBench.vmName))
  }

  /// Three rounds, one of them a failover: what a VM wrote at either site goes with it.
  @Test func `a VM goes there and back again, and there, and only differences follow it`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let there: JSON = ["CommitPolicy": 2, "ReverseProtection": true]
    let back: JSON = ["CommitPolicy": 2, "ShutdownPolicy": 1, "IsReverseProtection": true]
    try await bench.round("Move", there, from: bench.london, to: bench.paris)
    try await bench.round("Failover", back, from: bench.paris, to: bench.london)
    try await bench.round("Move", there, from: bench.london, to: bench.paris)
  }
}

extension WithstandBench {
  /// All disks of the VM.
  private static let diskByteCount = 160 << 20

  /// Recovers the VM at the other site, commits, and waits until it is protected the other way.
  fileprivate func round(
    _ operation: String,
    _ body: JSON,
    from old: LabSite,
    to new: LabSite
  ) async throws {
    let before = try await number(lab.guest(Self.vmName, at: old).page("last"))
    try await perform(operation, body)
    let guest = lab.guest(Self.vmName, at: new)
    guard try await guest.waitUntilServing(seconds: 120) else {
      throw LabError("\(Self.vmName) does not answer at \(new.name)")
    }
    try await perform("\(operation)Commit")
    #expect(try await placesOfVM() == [new.name])
    let names = try await lab.vmNames(at: old)
    #expect(!names.contains(Self.vmName))
    let isTurned = try await Waiting.until(seconds: 60, every: .milliseconds(300)) {
      try await vpg(at: old)["ProtectedSiteName"].text == new.name
    }
    #expect(isTurned)
    try await waitUntilProtected(seconds: 120)
    try await checkSequence(of: guest)
    #expect(try await number(guest.page("last")) > before)
    let stream = try await control(new, "GET", "/v1/status")["streams"].elements.first
    let sent = try #require(stream?["sentByteCount"].int)
    #expect(sent < Self.diskByteCount / 4, "\(sent) bytes were sent")
  }

  /// Moves the VM to paris with a clean shutdown, and checks that it went on where it stopped.
  fileprivate func move(killingManagerAt percent: Int? = nil) async throws {
    let before = try await number(source.page("last"))
    let body: JSON = ["CommitPolicy": 2, "ForceShutdown": false]
    if let percent {
      try await perform("Move", body, killingManagerAt: percent)
    } else {
      try await perform("Move", body)
    }
    #expect(try await placesOfVM() == ["paris"])
    let guest = lab.guest(Self.vmName, at: paris)
    guard try await guest.waitUntilServing(seconds: 120) else {
      throw LabError("\(Self.vmName) does not answer at paris")
    }
    let sequence = SequenceFile(try #require(try await guest.page("found-seq", seconds: 20)))
    let found = try #require(sequence?.lastOfUnbroken)
    #expect(found >= before)
    try await checkSequence(of: guest)
  }

  private func number(_ page: String?) throws -> Int {
    let text = try #require(page).trimmingCharacters(in: .whitespacesAndNewlines)
    return try #require(Int(text), "no number: \(text)")
  }

  /// Has an operation carried out at paris, to its end.
  fileprivate func perform(_ operation: String, _ body: JSON = [:]) async throws {
    try await ask(paris) { client in
      let task = try await client.begin("/vpgs/\(vpg)/\(operation)", body)
      try await client.waitForTask(task, seconds: 180)
    }
  }
}
