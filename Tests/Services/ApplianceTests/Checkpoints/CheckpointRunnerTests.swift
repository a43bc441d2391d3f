// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import ReplicationTransport
import Synchronization
import Testing

@testable import Appliance

/// The checkpoints that are said to be made.
private final class MadeCheckpoints: Sendable {
  private let numbers = Mutex<Set<UInt64>>([])

  private let highest = Mutex<UInt64>(0)

  func note(_ number: UInt64, isMade: Bool) {
    highest.withLock { $0 = max($0, number) }
    if isMade { numbers.withLock { _ = $0.insert(number) } }
  }

  var all: Set<UInt64> { numbers.withLock { $0 } }
  /// The last that was tried.
  var last: UInt64 { highest.withLock { $0 } }
}

@Suite(.serialized) struct CheckpointRunnerTests {
  private static let wanted = 30

  private static func checkpoint(_ number: UInt64) -> Checkpoint {
    Checkpoint(
      identifier: CheckpointIdentifier(number),
      time: .ofThisMachine(),
      tag: number % 7 == 0 ? "tag \(number)" : ""
    )
  }

  @Test func `no checkpoint over two hosts holds a write without the one it depends on`()
    async throws
  {
    let hosts = try await TwoHosts()
    let disks = [
      try await hosts.protect(hosts.hosts[0]), try await hosts.protect(hosts.hosts[1]),
    ]
    let client = DependentClient(disks, at: 0)
    let made = MadeCheckpoints()
    try await hosts.withControl { runner in
      // A machine that is busy with other things skips some, which is what the limit is for.
      var number: UInt64 = 0
      while made.all.count < Self.wanted {
        number += 1
        let reply = try await runner.run(Self.checkpoint(number), over: hosts.senders)
        made.note(number, isMade: reply.isMarked)
      }
    }
    try await client.stop()
    for host in hosts.hosts {
      try await host.parts.streams.eventually("all is durable") {
        $0.acknowledgedSequence == $0.lastSequence
      }
    }
    var seen: Set<UInt64> = []
    for number in 1...made.last {
      let identifier = CheckpointIdentifier(number)
      let numbers = try hosts.numbers(at: 0, asOf: identifier)
      #expect(numbers != nil || !made.all.contains(number), "checkpoint \(number) is not there")
      guard let numbers else { continue }
      #expect(
        numbers[0] == numbers[1] || numbers[0] == numbers[1] + 1,
        "checkpoint \(number): \(numbers)"
      )
      seen.insert(numbers[0])
    }
    #expect(seen.count > Self.wanted / 2, "the client wrote too little between the rounds")
    await hosts.close()
  }

  @Test func `a host that does not answer skips the checkpoint and holds nobody for long`()
    async throws
  {
    let hosts = try await TwoHosts()
    let disk = try await hosts.protect(hosts.hosts[0])
    let client = DependentClient([disk], at: 0)
    let streams = hosts.hosts[0].parts.streams
    try await hosts.withControl(deaf: hosts.hosts[1].name) { runner in
      // Once at least the host that answers is to have held.
      var number: UInt64 = 0
      while streams.status()[0].holds.count == 0 {
        number += 1
        let reply = try await runner.run(Self.checkpoint(number), over: hosts.senders)
        #expect(!reply.isMarked)
        #expect(!reply.reason.isEmpty)
        #expect(try hosts.numbers(at: 0, asOf: CheckpointIdentifier(number)) == nil)
      }
    }
    let before = try #require(streams.status().first)
    try await streams.eventually("the guest writes on") { $0.writeCount > before.writeCount }
    #expect(before.holds.voidCount == before.holds.count)
    #expect(before.holds.worstInMicroseconds > 0)
    try await client.stop()
    await hosts.close()
  }
}
