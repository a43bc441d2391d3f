// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

/// Copies for years with restic itself: into a folder or, where `UNDERSTUDY_S3_ENDPOINT` and
/// `UNDERSTUDY_S3_BUCKET` name one that the lab's second site reaches, with `AWS_ACCESS_KEY_ID` and
/// `AWS_SECRET_ACCESS_KEY`, into a bucket.
extension LabTests.Withstand {
  @Test func `a copy in a repository is a VM again, whoever was killed while it was made`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-archive-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let repository = try await bench.addRepository(folder.path)
    try bench.keepScript("copied.sh", "#!/bin/sh\nprintenv >\"$ZertoOutputDir/found.txt\"\n")
    try await bench.setPostBackup("copied.sh")
    let point = try await bench.insertCheckpoint()
    let set = try await bench.copy(point)
    #expect(try await bench.leftovers().isEmpty)
    try await bench.checkPostBackup(of: set, point)
    try await bench.setPostBackup(nil)

    let restored = try await bench.restore(set)
    #expect(try await !bench.lab.runningVMNames(at: bench.paris).contains(restored))
    let guest = bench.lab.guest(restored, at: bench.paris)
    _ = try await guest.libvirt.virsh(["start", restored])
    #expect(try await guest.waitUntilServing(seconds: 120))
    let boot = try #require(try await guest.page("found-seq", seconds: 20))
    let data = try #require(try await guest.page("found-vdb-seq", seconds: 20))
    #expect(point.bounds.fault(bootDisk: boot, dataDisk: data) == nil)
    let disks = try await guest.libvirt.virsh(["domblklist", restored])
      .matches(of: /\/\S+\.raw/).map { String($0.output) }
    #expect(disks.count == 2)
    _ = try await guest.libvirt.virsh(["destroy", restored])
    _ = try await guest.libvirt.virsh(["undefine", restored])
    for disk in disks { try FileManager.default.removeItem(atPath: disk) }

    try await bench.ask(bench.paris) { client in
      try await client.post(
        "/ltr/catalog/deleteretentionsets",
        ["RetentionSetsToDelete": [["FullRetentionSetIdentifier": .text(set)]]]
      )
      // It is forgotten once its data is gone.
      let isGone = try await Waiting.until(seconds: 120, every: .seconds(1)) {
        (try? await client.delete("/ltr/repositories/\(repository)")) != nil
      }
      #expect(isGone)
    }
    try await bench.checkSequence(of: bench.source)
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  fileprivate func setPostBackup(_ script: String?) async throws {
    try await change("scripting") { tree in
      tree["PostBackup"] = [
        "Command": script.map { .text($0) } ?? .null, "Parameters": "", "TimeoutInSeconds": 60,
      ]
    }
  }

  /// Checks that the script after the copy ran, once, and was told of the set and its point.
  fileprivate func checkPostBackup(of set: String, _ point: DemoPoint) async throws {
    let output = paris.managerFolder + "/state/scripts/output"
    let files = FileManager.default.enumerator(atPath: output)?.compactMap { $0 as? String } ?? []
    let found = files.filter { $0.contains("-PostBackup/") && $0.hasSuffix("/found.txt") }
    let path = try #require(found.count == 1 ? found.first : nil, "\(files)")
    let words = try String(contentsOfFile: "\(output)/\(path)", encoding: .utf8)
      .split(whereSeparator: \.isNewline)
    for line in [
      "UNDERSTUDY_SCRIPT=PostBackup", "ZertoOperation=Backup", "UNDERSTUDY_RECOVERY=\(set)",
      "UNDERSTUDY_CHECKPOINT=\(point.identifier)", "VmDisplayNames=\(Self.vmName)",
    ] { #expect(words.contains { $0 == line }, "\(line) is not among \(words)") }
  }

  fileprivate func addRepository(_ folder: String) async throws -> String {
    var body: JSON = [
      "RepositoryName": .text("lab \(UUID().uuidString)"), "DefaultRepository": true,
    ]
    let environment = ProcessInfo.processInfo.environment
    if let endpoint = environment["UNDERSTUDY_S3_ENDPOINT"] {
      body["S3-Compatible"] = [
        "S3EndpointUrl": .text(endpoint),
        "S3BucketName": .text(environment["UNDERSTUDY_S3_BUCKET"] ?? ""),
        "S3AccessKey": .text(environment["AWS_ACCESS_KEY_ID"] ?? ""),
        "S3SecretKey": .text(environment["AWS_SECRET_ACCESS_KEY"] ?? ""),
      ]
    } else {
      body["Nfs"] = ["Path": .text(folder)]
    }
    return try await ask(paris) { client in
      try await client.post("/ltr/repositories", body)
      let all = try await client.get("/ltr/repositories").elements
      let found = all.first { $0["RepositoryName"].text == body["RepositoryName"].text }
      return try #require(found?["RepositoryIdentifier"].text)
    }
  }

  /// Copies a point, and kills paris's appliance and manager while it is copied.
  fileprivate func copy(_ point: DemoPoint) async throws -> String {
    let began = ContinuousClock.now
    let body: JSON = ["CheckpointId": .text(point.identifier)]
    let worker = try await worker(of: paris)
    let task = try await ask(paris) { client in
      let task = try await client.begin("/ltr/vpgs/\(vpg)/retentionstart", body)
      try await kill(worker)
      try await killManager(of: paris)
      return task
    }
    try await startDaemons(at: paris)
    return try await ask(paris) { client in
      try await client.waitForTask(task, seconds: 240)
      let sets = try await client.get("/ltr/catalog/fullretentionsets")["RetentionSets"].elements
      print("copied in \(ContinuousClock.now - began), with two parts killed")
      #expect(sets.count == 1)
      return try #require(sets.first?["RetentionSetIdentifier"].text)
    }
  }

  /// Makes a VM of a set, and kills paris's manager meanwhile.
  fileprivate func restore(_ set: String) async throws -> String {
    let before = Set(try await lab.vmNames(at: paris))
    let task = try await ask(paris) { client in
      let vms = try await client.get("/ltr/catalog/vms")["Vms"].elements
      let task = try await client.begin(
        "/ltr/restore/vm",
        [
          "RetentionSetIdentifier": .text(set),
          "VmIdentifier": try #require(vms.first)["Vm"]["Identifier"],
        ]
      )
      try await killManager(of: paris)
      return task
    }
    try await startDaemons(at: paris)
    try await ask(paris) { try await $0.waitForTask(task, seconds: 240) }
    let made = Set(try await lab.vmNames(at: paris)).subtracting(before)
    #expect(made.count == 1)
    return try #require(made.first)
  }
}
