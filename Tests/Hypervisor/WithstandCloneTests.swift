// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a clone is a past point that runs by itself, whoever was killed while it was made`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let point = try await bench.insertCheckpoint()
    let before = try await bench.cloneFiles()
    let clone = try await bench.clone(point)
    #expect(try await bench.placesOfVM() == ["london"])
    let copies = try await bench.cloneFiles().subtracting(before)
    #expect(copies.count == 2)
    try await bench.compare(copies, with: point)
    #expect(try await !bench.lab.runningVMNames(at: bench.paris).contains(clone))

    // It finds on its disks what was there at the point, under an address of its own.
    let guest = bench.lab.guest(clone, at: bench.paris)
    _ = try await guest.libvirt.virsh(["start", clone])
    #expect(try await guest.waitUntilServing(seconds: 120))
    let boot = try #require(try await guest.page("found-seq", seconds: 20))
    let data = try #require(try await guest.page("found-vdb-seq", seconds: 20))
    #expect(point.bounds.fault(bootDisk: boot, dataDisk: data) == nil)
    let cards = try await guest.libvirt.virsh(["domiflist", clone])
    let oldCards = try await bench.source.libvirt.virsh(["domiflist", WithstandBench.vmName])
    let address = try #require(cards.firstMatch(of: /52:54:00:[0-9a-f:]{8}/)?.output)
    #expect(!oldCards.contains(address))

    _ = try await guest.libvirt.virsh(["destroy", clone])
    _ = try await guest.libvirt.virsh(["undefine", clone])
    for file in copies { try FileManager.default.removeItem(atPath: file) }
    #expect(try await bench.leftovers().isEmpty)
    try await bench.checkSequence(of: bench.source)
    try await bench.waitUntilProtected()
  }

  @Test func `an aborted clone leaves nothing behind`() async throws {
    let bench = try await WithstandBench.ready()
    let before = try await bench.cloneFiles()
    try await bench.ask(bench.paris) { client in
      let task = try await client.begin("/vpgs/\(bench.vpg)/CloneStart")
      try await client.perform("/vpgs/\(bench.vpg)/CloneAbort", seconds: 60)
      #expect(try await client.get("/tasks/\(task)")["Status"]["State"].int == 5)
    }
    #expect(try await bench.leftovers().isEmpty)
    #expect(try await bench.cloneFiles() == before)
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// The disks on paris's datastore.
  fileprivate func cloneFiles() async throws -> Set<String> {
    let files = try await Program.run([
      "find", paris.datastoreFolder, "-type", "f", "-name", "vd*-*.raw*",
    ])
    return Set(files.split(whereSeparator: \.isNewline).map(String.init))
  }

  /// Makes a clone, and kills paris's appliance and manager while it is made.
  ///
  /// - Returns: The clone's name.
  fileprivate func clone(_ point: DemoPoint) async throws -> String {
    let before = Set(try await lab.vmNames(at: paris))
    let began = ContinuousClock.now
    let body: JSON = ["CheckpointIdentifier": .text(point.identifier)]
    let worker = try await worker(of: paris)
    let (task, left) = try await ask(paris) { client in
      let task = try await client.begin("/vpgs/\(vpg)/CloneStart", body)
      let isCopying = try await Waiting.until(seconds: 20, every: .milliseconds(5)) {
        try await !cloneFiles().isEmpty
      }
      #expect(isCopying)
      try await kill(worker)
      let left = try await client.get("/tasks/\(task)")["Status"]["State"].int
      try await killManager(of: paris)
      return (task, left)
    }
    // Else nothing was interrupted.
    #expect(left == 1)
    try await startDaemons(at: paris)
    try await ask(paris) { try await $0.waitForTask(task, seconds: 120) }
    let made = Set(try await lab.vmNames(at: paris)).subtracting(before)
    print("cloned in \(ContinuousClock.now - began), with two parts killed: \(made)")
    #expect(made.count == 1)
    return try #require(made.first)
  }

  /// Compares copies byte for byte with the checkpoint they are of, and sees that they are sparse.
  fileprivate func compare(_ copies: Set<String>, with point: DemoPoint) async throws {
    let journals = try await control(paris, "GET", "/v1/status")["journals"].elements
    let reply = try await control(
      paris,
      "PUT",
      "/v1/exports/compare",
      [
        "stream": .text(try #require(journals.first?["stream"].text)),
        "point": ["checkpoint": ["_0": .number(try #require(Double(point.identifier)))]],
      ]
    )
    let socket = try #require(reply["socketPath"].text)
    for volume in reply["volumes"].elements {
      let identifier = try #require(volume["identifier"].text)
      let target = try #require(volume["target"].text)
      let copy = try #require(copies.first { $0.contains("/\(target)-") })
      let export = "nbd+unix:///\(identifier)?socket=\(socket)"
      try await Program.run(["qemu-img", "compare", "-f", "raw", "-F", "raw", copy, export])
      let figures = try await Program.run(["stat", "--format", "%s %b", copy])
        .split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
      try #require(figures.count == 2)
      #expect(figures[1] * 512 < figures[0] / 2, "\(target) takes \(figures[1] * 512) bytes")
    }
    #expect(reply["volumes"].elements.count == 2)
    _ = try await control(paris, "DELETE", "/v1/exports/compare")
  }
}
