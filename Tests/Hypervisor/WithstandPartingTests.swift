// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// One VM of three fails over and is rolled back; then one of the two that were left out fails
  /// over for good, and the last one goes on where it is.
  @Test func `VMs that are left out of a failover run on, protected, with their data and points`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    for vm in ["app1", "db1"] { try await bench.addVM(vm) }
    try await bench.waitUntilProtected(seconds: 180)
    let point = try await bench.insertCheckpoint()
    let generation = try await bench.generation(of: "db1")

    var began = ContinuousClock.now
    try await bench.failOver("web1", of: bench.vpg, reverse: false)
    print("a failover of one of three VMs took \(ContinuousClock.now - began)")
    #expect(try await bench.placesOfVM() == ["paris"])
    let left = try await bench.remainder(with: ["app1", "db1"], at: point)
    try await bench.perform("FailoverRollback", on: bench.vpg)
    #expect(try await bench.placesOfVM() == ["london"])
    #expect(try await bench.leftovers().isEmpty)
    #expect(try await bench.source.waitUntilServing(seconds: 120))
    try await bench.checkSequence(of: bench.source)
    try await bench.waitUntilProtected(seconds: 120)

    began = .now
    try await bench.failOver("app1", of: left, reverse: true)
    print("a failover of one of two VMs took \(ContinuousClock.now - began)")
    let last = try await bench.remainder(with: ["db1"], at: point)
    try await bench.perform("FailoverCommit", ["IsReverseProtection": true], on: left)
    let isTurned = try await Waiting.until(seconds: 120, every: .milliseconds(300)) {
      let vpg = try await bench.ask(bench.london) { try await $0.get("/vpgs/\(left)") }
      return vpg["ProtectedSiteName"].text == "paris" && vpg["Status"].int == 1
    }
    #expect(isTurned, "app1 is not protected in reverse")
    #expect(try await !bench.lab.vmNames(at: bench.london).contains("app1"))
    try await bench.checkSequence(of: bench.lab.guest("app1", at: bench.paris), on: ["seq"])
    let db = bench.lab.guest("db1", at: bench.london)
    try await bench.checkSequence(of: db, on: ["seq"])
    try await bench.compareDisk(of: "db1", in: last)
    // Nothing that was left out was synchronised again.
    #expect(try await bench.generation(of: "db1") == generation)
    // Its VMs are at other places now.
    try await bench.lab.down()
  }
}

extension WithstandBench {
  /// Carries an operation out at paris, to its end.
  fileprivate func perform(
    _ operation: String,
    _ body: JSON = [:],
    on vpg: String
  ) async throws {
    try await ask(paris) { client in
      let task = try await client.begin("/vpgs/\(vpg)/\(operation)", body)
      try await client.waitForTask(task, seconds: 240)
    }
  }

  /// Fails one VM of a VPG over, and checks that its guest came up with what it had written.
  fileprivate func failOver(_ name: String, of vpg: String, reverse: Bool) async throws {
    let vm = try #require(try await members().first { $0["VmName"].text == name })
    try await perform(
      "Failover",
      [
        "CommitPolicy": 2, "ShutdownPolicy": 2, "IsReverseProtection": .bool(reverse),
        "VmIdentifiers": .array([.text(try #require(vm["VmIdentifier"].text))]),
      ],
      on: vpg
    )
    let guest = lab.guest(name, at: paris)
    #expect(try await guest.waitUntilServing(seconds: 180))
    try await checkSequence(of: guest, on: ["seq"])
  }

  private func members() async throws -> [JSON] {
    try await ask(paris) { try await $0.get("/vms").elements }
  }

  /// The VPG that has these VMs and no others.
  ///
  /// They run at london and go on writing, it meets its SLA at both sites, it has a point from
  /// before it was made, and what its journals hold is what its disks hold.
  fileprivate func remainder(with names: [String], at point: DemoPoint) async throws -> String {
    let vpgs = try await members().filter { names.contains($0["VmName"].text ?? "") }
      .compactMap { $0["VpgIdentifier"].text }
    #expect(Set(vpgs).count == 1)
    let left = try #require(vpgs.first)
    #expect(try await members().count { $0["VpgIdentifier"].text == left } == names.count)
    let running = try await lab.runningVMNames(at: london)
    #expect(names.allSatisfy(running.contains))
    for site in [london, paris] {
      let isProtected = try await Waiting.until(seconds: 60, every: .milliseconds(300)) {
        let vpg = try await ask(site) { try await $0.get("/vpgs/\(left)") }
        return vpg["Status"].int == 1 && vpg["SubStatus"].int == 0
      }
      #expect(isProtected, "\(names) are not protected, says \(site.name)")
    }
    let points = try await ask(paris) { try await $0.get("/vpgs/\(left)/checkpoints").elements }
    #expect(points.contains { $0["CheckpointIdentifier"].text == point.identifier })
    for name in names {
      let guest = lab.guest(name, at: london)
      let number = try await guest.page("last")
      let goesOn = try await Waiting.until(seconds: 30) { try await guest.page("last") != number }
      #expect(goesOn, "\(name) does not write")
      try await compareDisk(of: name, in: left)
    }
    return left
  }

  /// How often the stream of a VM was begun anew or synchronised.
  fileprivate func generation(of name: String) async throws -> Int {
    let stream = try await stream(of: name)
    let streams = try await control(london, "GET", "/v1/status")["streams"].elements
    return try #require(streams.first { $0["stream"].text == stream }?["generation"].int)
  }

  /// The stream of a VM, by its disk's replica.
  private func stream(of name: String) async throws -> String {
    let journals = try await control(paris, "GET", "/v1/status")["journals"].elements
    let found = journals.first { journal in
      journal["files"].elements.contains { $0["path"].text?.contains("/\(name)/") == true }
    }
    return try #require(found?["stream"].text)
  }

  /// Compares a VM's disk byte for byte with a point of its VPG that is made while it stands still.
  fileprivate func compareDisk(of name: String, in vpg: String) async throws {
    let libvirt = lab.guest(name, at: london).libvirt
    _ = try await libvirt.virsh(["suspend", name])
    let outcome: (any Error)?
    do {
      try await compareStillDisk(of: name, in: vpg)
      outcome = nil
    } catch {
      outcome = error
    }
    _ = try await libvirt.virsh(["resume", name])
    if let outcome { throw outcome }
  }

  private func compareStillDisk(of name: String, in vpg: String) async throws {
    let tag = UUID().uuidString
    try await ask(london) { client in
      try await client.perform(
        "/vpgs/\(vpg)/checkpoints",
        ["CheckpointName": .text(tag)],
        seconds: 60
      )
    }
    let all = try await ask(paris) { try await $0.get("/vpgs/\(vpg)/checkpoints").elements }
    let point = try #require(all.first { $0["Tag"].text == tag }?["CheckpointIdentifier"].text)
    let reply = try await control(
      paris,
      "PUT",
      "/v1/exports/compare",
      [
        "stream": .text(try await stream(of: name)),
        "point": ["checkpoint": ["_0": .number(try #require(Double(point)))]],
        "overlayFolder": .text("\(paris.datastoreFolder)/compare"),
      ]
    )
    let volume = try #require(reply["volumes"].elements.first?["identifier"].text)
    let socket = try #require(reply["socketPath"].text)
    try await Program.run([
      "qemu-img", "compare", "--force-share", "-f", "raw", "-F", "raw",
      "\(london.datastoreFolder)/\(name)/\(name)-vda.raw", "nbd+unix:///\(volume)?socket=\(socket)",
    ])
    _ = try await control(paris, "DELETE", "/v1/exports/compare")
  }
}
