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

  /// The boot disk is as of the point, the other one as it was copied, and both stay.
  @Test func `a failover and its commit have a disk of temporary data as it was copied`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.setTemporary("vdb", true)
    try await bench.waitForTaps(1)
    let copied = try await bench.lastNumber()
    try await bench.waitUntilProtected()
    let goesOn = try await Waiting.until(seconds: 60) { try await bench.lastNumber() > copied + 10 }
    #expect(goesOn)
    let point = try await bench.insertCheckpoint()
    try await bench.perform(
      "Failover",
      ["CheckpointIdentifier": .text(point.identifier), "CommitPolicy": 2, "ShutdownPolicy": 2]
    )
    let guest = bench.lab.guest(WithstandBench.vmName, at: bench.paris)
    #expect(try await guest.waitUntilServing(seconds: 120))
    let boot = SequenceFile(try #require(try await guest.page("found-seq", seconds: 20)))
    let data = SequenceFile(try #require(try await guest.page("found-vdb-seq", seconds: 20)))
    let found = try #require(boot?.lastOfUnbroken)
    #expect((point.bounds.before...point.bounds.after).contains(found))
    let old = try #require(data?.lastOfUnbroken)
    #expect(old <= copied + 1, "the disk was copied after \(old), but \(copied) was its last")
    try await bench.perform("FailoverCommit", ["IsReverseProtection": false])
    // Its own numbers go on from the old ones, with a gap.
    try await bench.checkCommitted(on: ["seq"])
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

  fileprivate func lastNumber() async throws -> Int {
    let text = try #require(try await source.page("last"))
    return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), "\(text)")
  }

  /// Has an operation carried out at paris, to its end.
  fileprivate func perform(_ operation: String, _ body: JSON) async throws {
    try await ask(paris) { client in
      let task = try await client.begin("/vpgs/\(vpg)/\(operation)", body)
      try await client.waitForTask(task, seconds: 180)
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
