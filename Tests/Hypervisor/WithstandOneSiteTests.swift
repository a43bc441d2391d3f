// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// Last of all the VM is on the other datastore, so the lab is made anew after this.
  @Test func `a site recovers its own VM beside itself, onto another datastore and back`()
    async throws
  {
    let before = try await WithstandBench.ready()
    try await before.deleteVPG(keepsVolumes: false)
    try await before.makeSecondDatastore()
    let vpg = try await before.tell { story in
      try await story.createVPG(at: story.london, on: "datastore2")
    }
    // Both sites of the VPG are london.
    let bench = WithstandBench(
      lab: before.lab,
      london: before.london,
      paris: before.london,
      vpg: vpg
    )
    try await bench.waitUntilProtectedHere()
    for path in try await bench.replicas().values { #expect(path.contains("/datastore2/")) }

    // Beside the protected one, which goes on.
    try await bench.perform("FailoverTest")
    let tested = bench.lab.guest("\(WithstandBench.vmName) - testing recovery", at: bench.london)
    #expect(try await bench.runningNames() == [bench.source.name, tested.name])
    try await bench.perform("FailoverTestStop", ["FailoverTestSuccess": true])
    #expect(try await bench.runningNames() == [bench.source.name])

    let recovered = bench.lab.guest("\(WithstandBench.vmName) - recovered", at: bench.london)
    try await bench.perform("Failover", ["CommitPolicy": 2, "ShutdownPolicy": 1])
    #expect(try await bench.runningNames() == [recovered.name])
    #expect(try await recovered.waitUntilServing(seconds: 120))
    try await bench.checkSequence(of: recovered)
    try await bench.perform("FailoverRollback")
    #expect(try await bench.source.waitUntilServing(seconds: 120))
    #expect(try await bench.runningNames() == [bench.source.name])
    try await bench.waitUntilProtectedHere()

    // For good, and protected onto the disks it left.
    try await bench.perform("Move", ["CommitPolicy": 2, "ReverseProtection": true])
    #expect(try await recovered.waitUntilServing(seconds: 120))
    try await bench.perform("MoveCommit")
    #expect(try await bench.lab.vmNames(at: bench.london).contains(recovered.name))
    #expect(try await !bench.lab.vmNames(at: bench.london).contains(bench.source.name))
    try await bench.waitUntilProtectedHere()
    try await bench.checkSequence(of: recovered)
    for path in try await bench.replicas().values { #expect(path.contains("/datastore1/")) }
  }
}

extension WithstandBench {
  /// Gives london another datastore, if it has none.
  func makeSecondDatastore() async throws {
    let folder = london.folder + "/datastore2"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let libvirt = source.libvirt
    if try await libvirt.virsh(["pool-list", "--name"]).contains("datastore2") { return }
    let target = "<target><path>\(folder)</path></target>"
    let xml = "<pool type='dir'><name>datastore2</name>\(target)</pool>"
    try await libvirt.define(xml, by: "pool-define")
    try await libvirt.virsh(["pool-start", "datastore2"])
  }

  /// The VPG meets its SLA, and has a checkpoint that is newer than the first that was seen.
  ///
  /// A call that fails is one more reason to wait: a VPG that has just been made, or turned round,
  /// has no journal for a moment.
  func waitUntilProtectedHere() async throws {
    var before: String?
    let isProtected = try await Waiting.until(seconds: 120, every: .milliseconds(300)) {
      guard let known = try? await checkpoints(), let view = try? await vpg(at: london) else {
        return false
      }
      let latest = known.last ?? ""
      before = before ?? latest
      return view["Status"].int == 1 && view["SubStatus"].int == 0 && latest > before ?? latest
    }
    #expect(isProtected, "the VPG is not protected")
  }

  fileprivate func runningNames() async throws -> [String] {
    try await lab.runningVMNames(at: london).filter { $0.hasPrefix(Self.vmName) }.sorted()
  }

  fileprivate func perform(_ operation: String, _ body: JSON = [:]) async throws {
    try await ask(london) { client in
      let task = try await client.begin("/vpgs/\(vpg)/\(operation)", body)
      try await client.waitForTask(task, seconds: 240)
    }
  }
}
