// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a disk of temporary data is copied once, and one more time when it counts again`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.setTemporary("vdb", true)
    try await bench.waitForTaps(1)
    try await bench.waitUntilProtected()
    let earlier = try await bench.temporaryDisk(
      at: try #require(try await bench.checkpoints().last)
    )
    // A new process of the appliance has the rest compared alone.
    try await bench.kill(try await bench.worker(of: bench.london))
    try await bench.waitUntilProtected()
    try await bench.waitForTaps(1)
    let later = try await bench.temporaryDisk(at: try #require(try await bench.checkpoints().last))
    #expect(earlier == later, "the copy has changed")
    try await bench.setTemporary("vdb", false)
    try await bench.waitForTaps(2)
    try await bench.waitUntilProtected()
    try await bench.compareDisks()
    try await bench.checkSequence(of: bench.source)
  }
}

extension WithstandBench {
  /// Says in the VPG's settings whether a disk of the VM holds temporary data.
  fileprivate func setTemporary(_ target: String, _ isTemporary: Bool) async throws {
    try await ask(london) { client in
      let begun = try await client.post("/vpgSettings", ["VpgIdentifier": .text(vpg)])
      let settings = "/vpgSettings/\(try #require(begun.text))"
      let vms = try await client.get("\(settings)/vms").elements
      let vm = try #require(vms.first?["VmIdentifier"].text)
      let volumes = "\(settings)/vms/\(vm)/volumes"
      let all = try await client.get(volumes).elements
      // Disks are listed in the order of their names.
      var volume = try #require(target == "vda" ? all.first : all.last)
      let identifier = try #require(volume["VolumeIdentifier"].text)
      volume["IsSwap"] = .bool(isTemporary)
      try await client.put("\(volumes)/\(identifier)", volume)
      try await client.perform("\(settings)/commit", seconds: 60)
    }
  }

  fileprivate func waitForTaps(_ count: Int) async throws {
    let isSo = try await Waiting.until(seconds: 60, every: .milliseconds(300)) {
      (try? await sentStream()["connectedVolumes"].elements.count) == count
    }
    #expect(isSo, "there are not \(count) taps")
  }

  /// What the disk `vdb` holds as of a checkpoint, by its checksum.
  fileprivate func temporaryDisk(at checkpoint: String) async throws -> String {
    let journals = try await control(paris, "GET", "/v1/status")["journals"].elements
    let reply = try await control(
      paris,
      "PUT",
      "/v1/exports/temporary",
      [
        "stream": .text(try #require(journals.first?["stream"].text)),
        "point": ["checkpoint": ["_0": .number(try #require(Double(checkpoint)))]],
        "overlayFolder": .text("\(paris.datastoreFolder)/temporary"),
      ]
    )
    let disk = try #require(reply["volumes"].elements.first { $0["target"].text == "vdb" })
    let identifier = try #require(disk["identifier"].text)
    let socket = try #require(reply["socketPath"].text)
    let export = "nbd+unix:///\(identifier)?socket=\(socket)"
    let sum = try await Program.run(["sh", "-c", "nbdcopy '\(export)' - | sha256sum"])
    _ = try await control(paris, "DELETE", "/v1/exports/temporary")
    return sum
  }
}
