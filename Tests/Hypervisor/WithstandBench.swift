// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

/// A lab whose first VM is protected, and what tests do to it.
struct WithstandBench: Sendable {
  let lab: Lab
  let london: LabSite
  let paris: LabSite
  /// The VPG that protects `web1`.
  let vpg: String

  static let vmName = DemoStory.vmName

  // MARK: Making ready

  /// The suite's lab, all parts running and the VM protected, whatever an earlier test left.
  static func ready() async throws -> WithstandBench {
    let lab = try LabFixture.lab
    // A lab that cannot be mended, or whose VM was recovered for good, is made anew.
    if let bench = try? await mended(lab) { return bench }
    try await lab.down()
    try await lab.up()
    let sites = try lab.sites()
    var story = try await DemoStory(lab: lab, progress: DemoProgress())
    do {
      try await story.waitForSource()
      try await story.pairSites()
      let vpg = try await story.createVPG()
      try await story.waitForInitialSync(of: vpg)
      await story.close()
      return WithstandBench(lab: lab, london: sites[0], paris: sites[1], vpg: vpg)
    } catch {
      await story.close()
      throw error
    }
  }

  private static func mended(_ lab: Lab) async throws -> WithstandBench {
    let sites = try lab.sites()
    let bench = WithstandBench(lab: lab, london: sites[0], paris: sites[1], vpg: "")
    for site in sites { try await bench.startDaemons(at: site) }
    try await bench.setLink(up: true)
    let vpgs = try await bench.ask(sites[1]) { try await $0.get("/vpgs").elements }
    // Nothing is required here: a lab that cannot be mended fails no test.
    guard let vpg = vpgs.first else { throw LabError("there is no VPG") }
    guard let identifier = vpg["VpgIdentifier"].text, let status = vpg["Status"].int,
      [1, 2, 3].contains(status)
    else { throw LabError("the VPG is \(vpg["Status"])") }
    let ready = WithstandBench(
      lab: lab,
      london: sites[0],
      paris: sites[1],
      vpg: identifier
    )
    try await ready.waitUntilProtected(seconds: 60)
    guard try await ready.source.waitUntilServing(seconds: 60) else {
      throw LabError("\(vmName) does not answer")
    }
    return ready
  }

  /// The protected VM.
  var source: LabGuest { lab.guest(Self.vmName, at: london) }

  // MARK: Asking

  /// Logs on at a site, asks, and logs off.
  func ask<Answer>(
    _ site: LabSite,
    _ body: (ZVMClient) async throws -> Answer
  ) async throws -> Answer {
    let client = try await ZVMClient(loggingInTo: site)
    do {
      let answer = try await body(client)
      await client.close()
      return answer
    } catch {
      await client.close()
      throw error
    }
  }

  /// Tells a part of the demo's story, with sessions of its own.
  func tell<Result>(
    _ body: (inout DemoStory) async throws -> Result
  ) async throws -> Result {
    var story = try await DemoStory(lab: lab, progress: DemoProgress())
    do {
      let result = try await body(&story)
      await story.close()
      return result
    } catch {
      await story.close()
      throw error
    }
  }

  /// The VPG as a site sees it.
  func vpg(at site: LabSite) async throws -> JSON {
    try await ask(site) { try await $0.get("/vpgs/\(vpg)") }
  }

  /// The identifiers of the VPG's checkpoints, oldest first.
  func checkpoints() async throws -> [String] {
    try await ask(paris) { client in
      try await client.get("/vpgs/\(vpg)/checkpoints").elements
        .compactMap { $0["CheckpointIdentifier"].text }
    }
  }

  /// Inserts a tagged checkpoint, and notes the guest's number before and after it.
  func insertCheckpoint() async throws -> DemoPoint {
    let tag = UUID().uuidString
    return try await tell { story in
      let before = try await story.lastNumber(of: source)
      try await story.protected.perform(
        "/vpgs/\(vpg)/checkpoints",
        ["CheckpointName": .text(tag)],
        seconds: 60
      )
      let after = try await story.lastNumber(of: source)
      let checkpoints = try await story.recovery.get("/vpgs/\(vpg)/checkpoints").elements
      let found = try #require(checkpoints.first { $0["Tag"].text == tag })
      return DemoPoint(
        identifier: try #require(found["CheckpointIdentifier"].text),
        bounds: SequenceBounds(before: before, after: after)
      )
    }
  }

  /// Waits until both sites say that the VPG meets its SLA, and a checkpoint is there that was not
  /// when this was first known.
  ///
  /// A call that fails is one more reason to wait: its part may be on its way up.
  func waitUntilProtected(seconds: Double = 60) async throws {
    var before: String?
    var seen: [JSON] = []
    let isProtected = try await Waiting.until(seconds: seconds, every: .milliseconds(300)) {
      guard
        let known = try? await tell({ story in
          (
            [
              try await story.protected.get("/vpgs/\(vpg)"),
              try await story.recovery.get("/vpgs/\(vpg)"),
            ],
            try await story.recovery.get("/vpgs/\(vpg)/checkpoints").elements
          )
        })
      else { return false }
      seen = known.0
      let latest = known.1.last?["CheckpointIdentifier"].text ?? ""
      before = before ?? latest
      return seen.allSatisfy { $0["Status"].int == 1 && $0["SubStatus"].int == 0 }
        && latest > before ?? latest
    }
    guard isProtected else {
      let states = seen.map { "\($0["Status"].int ?? -1)/\($0["SubStatus"].int ?? -1)" }
      throw LabError("not protected again after \(Int(seconds)) s: \(states)")
    }
  }
}
