// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import RecoveryModel
import Testing

@testable import Lab

// What the appliances and QEMU say of syncs, and whether the sites hold the same.
extension WithstandBench {
  /// Calls an appliance's control port as its manager would.
  func control(
    _ site: LabSite,
    port: Int = LabSite.controlPort,
    _ method: String,
    _ path: String,
    _ body: JSON? = nil
  ) async throws -> JSON {
    var arguments = [
      "ip", "netns", "exec", site.namespace, "curl", "--silent", "--fail-with-body", "--noproxy",
      "*", "--insecure", "--cert", "\(site.managerFolder)/cert.pem", "--key",
      "\(site.managerFolder)/key.pem", "--request", method, "--max-time", "20",
    ]
    if let body {
      let text = String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
      arguments += ["--header", "Content-Type: application/json", "--data", text]
    }
    let url = "https://127.0.0.1:\(port)\(path)"
    let answer = try await Program.run(arguments + [url], seconds: 30)
    return answer.isEmpty ? .null : try JSONDecoder().decode(JSON.self, from: Data(answer.utf8))
  }

  /// The protected VM's stream, as its sender sees it.
  func sentStream() async throws -> JSON {
    try #require(try await control(london, "GET", "/v1/status")["streams"].elements.first)
  }

  /// Waits until all that may be missing at paris is noted in maps of changes.
  ///
  /// There is a map for each disk of each VPG of the VM.
  func waitUntilChangesAreKnown(count: Int = 2) async throws {
    let isKnown = try await Waiting.until(seconds: 60, every: .milliseconds(500)) {
      let maps = try await changeMaps()
      return maps.count >= count && !maps.contains(where: \.isFirst)
    }
    #expect(isKnown, "the maps of changes do not come to cover what may be missing")
  }

  /// The maps of changes on all disks of the protected VM.
  private func changeMaps() async throws -> [ChangeMap] {
    let command = #"{"execute":"query-named-block-nodes","arguments":{"flat":true}}"#
    let answer = try await lab.guest(Self.vmName, at: london).libvirt
      .virsh(["qemu-monitor-command", Self.vmName, command])
    let nodes = try JSONDecoder().decode(JSON.self, from: Data(answer.utf8))["return"].elements
    return nodes.flatMap { $0["dirty-bitmaps"].elements }
      .compactMap { $0["name"].text?.split(separator: "@").first }
      .compactMap { ChangeMap(name: String($0)) }
  }

  /// Suspends the taps of the protected VM.
  func suspendTaps(minutes: Int) async throws {
    try await ask(london) { client in
      let vm = try await client.get("/vms").elements.first?["VmIdentifier"].text
      let body: JSON = [
        "VmIdentifier": .text(try #require(vm)), "Minutes": .number(Double(minutes)),
      ]
      let suspended = try await client.post("/tapsuspensions", body).elements
      #expect(suspended.count == 1 && suspended.allSatisfy { $0["IsFree"] == true })
    }
  }

  /// Ends the suspension before its time.
  func resumeTaps() async throws {
    try await ask(london) { client in
      let vm = try await client.get("/vms").elements.first?["VmIdentifier"].text
      try await client.delete("/tapsuspensions", ["VmIdentifier": .text(try #require(vm))])
    }
  }

  /// Compares the protected VM's disks byte for byte with what paris has as of the latest moment;
  /// the guest stands still meanwhile.
  func compareDisks(
    _ targets: [String] = ["vda", "vdb"],
    port: Int = LabSite.controlPort
  ) async throws {
    let virtualMachine = source
    _ = try await virtualMachine.libvirt.virsh(["suspend", Self.vmName])
    let outcome: (any Error)?
    do {
      try await compareStillDisks(targets, port)
      outcome = nil
    } catch {
      outcome = error
    }
    _ = try await virtualMachine.libvirt.virsh(["resume", Self.vmName])
    if let outcome { throw outcome }
  }

  private func compareStillDisks(_ targets: [String], _ port: Int) async throws {
    let tag = UUID().uuidString
    let checkpoint = try await tell { story in
      try await story.protected.perform(
        "/vpgs/\(vpg)/checkpoints",
        ["CheckpointName": .text(tag)],
        seconds: 60
      )
      let all = try await story.recovery.get("/vpgs/\(vpg)/checkpoints").elements
      return try #require(all.first { $0["Tag"].text == tag }?["CheckpointIdentifier"].text)
    }
    try await compareDisks(targets, with: checkpoint, port: port)
  }

  /// Compares the protected VM's disks byte for byte with a checkpoint, which has no others.
  ///
  /// Nobody writes to them, unless they are `changing`. `port` is that of the appliance that has
  /// the journal.
  func compareDisks(
    _ targets: [String] = ["vda", "vdb"],
    with checkpoint: String,
    changing: Set<String> = [],
    port: Int = LabSite.controlPort
  ) async throws {
    let journals = try await control(paris, port: port, "GET", "/v1/status")["journals"].elements
    let stream = try #require(journals.first?["stream"].text)
    let number = try #require(Double(checkpoint))
    let name = "compare"
    let reply = try await control(
      paris,
      port: port,
      "PUT",
      "/v1/exports/\(name)",
      [
        "stream": .text(stream), "point": ["checkpoint": ["_0": .number(number)]],
        "overlayFolder": .text("\(paris.datastoreFolder)/compare"),
      ]
    )
    let socket = try #require(reply["socketPath"].text)
    for volume in reply["volumes"].elements {
      let identifier = try #require(volume["identifier"].text)
      let target = try #require(volume["target"].text)
      if changing.contains(target) { continue }
      let disk = "\(london.datastoreFolder)/\(Self.vmName)/\(Self.vmName)-\(target).raw"
      let export = "nbd+unix:///\(identifier)?socket=\(socket)"
      try await Program.run([
        "qemu-img", "compare", "--force-share", "-f", "raw", "-F", "raw", disk, export,
      ])
    }
    #expect(reply["volumes"].elements.compactMap { $0["target"].text } == targets)
    _ = try await control(paris, port: port, "DELETE", "/v1/exports/\(name)")
  }
}
