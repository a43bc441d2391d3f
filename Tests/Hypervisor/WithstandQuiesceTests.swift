// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `an application-consistent checkpoint has guests at rest, and they go on writing`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let tag = "quiesced \(UUID().uuidString)"
    let began = ContinuousClock.now
    var pause = 0.0
    // On a busy machine a guest may not freeze, or the streams not be held, in time: then it is
    // said so, and the next one is tried.
    var checkpoint: JSON = .null
    for attempt in 1...5 {
      pause = try await bench.watchingGuest {
        checkpoint = try await bench.insertQuiesced("\(tag) \(attempt)")
      }
      if checkpoint["Vss"] == true { break }
    }
    #expect(checkpoint["Vss"] == true)
    #expect(try await bench.freezeStatus() == "thawed")
    let number = try await bench.source.page("last")
    let goesOn = try await Waiting.until(seconds: 20) {
      try await bench.source.page("last") != number
    }
    #expect(goesOn, "the guest stands still")
    print("quiesced in \(ContinuousClock.now - began), the guest's longest pause \(pause) s")
    try await bench.waitUntilProtected()
  }

  @Test func `guests that are frozen when their manager is killed are thawed without it`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    // The moment is short: the manager is killed as soon as the guest is seen frozen.
    var wasFrozen = false
    for attempt in 1...20 where !wasFrozen {
      async let inserted = try? bench.insertQuiesced("killed \(attempt)")
      let isFrozen = try await Waiting.until(seconds: 5, every: .milliseconds(10)) {
        try await bench.freezeStatus() == "frozen"
      }
      if isFrozen {
        try await bench.killManager(of: bench.london)
        wasFrozen = try await bench.freezeStatus() == "frozen"
      }
      _ = await inserted
      guard isFrozen else { continue }
      let isThawed = try await Waiting.until(seconds: 60, every: .milliseconds(200)) {
        try await bench.freezeStatus() == "thawed"
      }
      #expect(isThawed, "the guest is still frozen")
      try await bench.startDaemons(at: bench.london)
    }
    #expect(wasFrozen, "the manager was never killed with the guest frozen")
    let number = try await bench.source.page("last")
    let goesOn = try await Waiting.until(seconds: 20) {
      try await bench.source.page("last") != number
    }
    #expect(goesOn)
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// Inserts one and returns it as the recovery site lists it.
  fileprivate func insertQuiesced(_ tag: String) async throws -> JSON {
    try await tell { story in
      try await story.protected.perform(
        "/vpgs/\(vpg)/checkpoints/vss",
        ["CheckpointName": .text(tag)],
        seconds: 60
      )
      return try #require(
        try await story.recovery.get("/vpgs/\(vpg)/checkpoints").elements
          .last { $0["Tag"].text == tag }
      )
    }
  }

  /// `frozen` or `thawed`, as the guest's agent says.
  fileprivate func freezeStatus() async throws -> String {
    let answer = try await source.libvirt.virsh([
      "qemu-agent-command", Self.vmName, #"{"execute": "guest-fsfreeze-status"}"#,
    ])
    return answer.contains("frozen") ? "frozen" : "thawed"
  }
}
