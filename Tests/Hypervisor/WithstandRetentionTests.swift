// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab
@testable import ResticTests

/// Copies for years with restic itself: into a folder, and into a bucket of a real S3 server that
/// locks its objects for a day.
extension LabTests.Withstand {
  @Test(arguments: Place.allCases)
  func `a copy in a repository is a VM again, whoever was killed while it was made`(
    place: Place
  ) async throws {
    let bench = try await WithstandBench.ready()
    let archive = try Archive(in: place, of: bench.paris)
    defer { archive.remove() }
    let repository = try await bench.add(archive)
    try bench.keepScript("copied.sh", "#!/bin/sh\nprintenv >\"$ZertoOutputDir/found.txt\"\n")
    try await bench.setPostBackup("copied.sh")
    let point = try await bench.insertCheckpoint()
    let set = try await bench.copy(point)
    #expect(try await bench.leftovers().isEmpty)
    try await bench.checkPostBackup(of: set, point)
    try await bench.setPostBackup(nil)
    try await bench.checkLock(of: set, is: place == .bucket ? "Immutable" : "None")

    try await bench.checkVM(restoredFrom: set, at: point)

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

/// A place for a repository that a site reaches.
private struct Archive {
  private let folder: URL
  private let server: S3Server?
  /// How the API names it.
  let place: (name: String, value: JSON)

  init(in place: Place, of site: LabSite) throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-archive-\(UUID().uuidString)")
    switch place {
    case .folder:
      server = nil
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      self.place = ("Nfs", ["Path": .text(folder.path)])
    case .bucket:
      let server = try S3Server(at: site.outsideAddress)
      let bucket: String
      do { bucket = try server.makeBucket(lockedForDays: 1) } catch {
        server.stop()
        throw error
      }
      self.server = server
      self.place = (
        "S3-Compatible",
        [
          "S3EndpointUrl": .text(server.endpoint), "S3BucketName": .text(bucket),
          "S3AccessKey": .text(S3Server.accessKey), "S3SecretKey": .text(S3Server.secretKey),
        ]
      )
    }
  }

  func remove() {
    server?.stop()
    try? FileManager.default.removeItem(at: folder)
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
    let found = try files.filter { $0.contains("-PostBackup/") && $0.hasSuffix("/found.txt") }
      .map { try String(contentsOfFile: "\(output)/\($0)", encoding: .utf8) }
      .filter { $0.contains(set) }
    let words = try #require(found.count == 1 ? found.first : nil, "\(files)")
      .split(whereSeparator: \.isNewline)
    for line in [
      "UNDERSTUDY_SCRIPT=PostBackup", "ZertoOperation=Backup", "UNDERSTUDY_RECOVERY=\(set)",
      "UNDERSTUDY_CHECKPOINT=\(point.identifier)", "VmDisplayNames=\(Self.vmName)",
    ] { #expect(words.contains { $0 == line }, "\(line) is not among \(words)") }
  }

  fileprivate func add(_ archive: Archive) async throws -> String {
    let name: JSON = .text("lab \(UUID().uuidString)")
    var body: JSON = ["RepositoryName": name, "DefaultRepository": true]
    body[archive.place.name] = archive.place.value
    return try await ask(paris) { client in
      try await client.post("/ltr/repositories", body)
      let all = try await client.get("/ltr/repositories").elements
      let found = all.first { $0["RepositoryName"] == name }
      return try #require(found?["RepositoryIdentifier"].text)
    }
  }

  /// Checks that the server's lock of a set is shown, and that it ends within a day from now.
  fileprivate func checkLock(of set: String, is state: String) async throws {
    let all = try await ask(paris) { client in
      try await client.get("/ltr/catalog/fullretentionsets")["RetentionSets"].elements
    }
    let found = try #require(all.first { $0["RetentionSetIdentifier"].text == set })
    let lock = found["RetentionSetImmutability"]
    #expect(lock["ImmutabilityState"].text == state, "\(lock)")
    guard let end = lock["ImmutabilityExpiryTime"].text else { return }
    let seconds = try Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(end)
      .timeIntervalSinceNow
    #expect(seconds > 86_000 && seconds <= 86_400, "\(end)")
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

  /// Makes a VM of a set, starts it, checks what it finds on its disks, and removes it.
  fileprivate func checkVM(restoredFrom set: String, at point: DemoPoint) async throws {
    let restored = try await restore(set)
    #expect(try await !lab.runningVMNames(at: paris).contains(restored))
    let guest = lab.guest(restored, at: paris)
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
  }

  /// Makes a VM of a set, and kills paris's manager meanwhile.
  private func restore(_ set: String) async throws -> String {
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
