// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// The appliance is killed as soon as it has begun.
  @Test func `journal and replicas go to another datastore and back under a VM that writes`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let first = try await LabDatastore.identifier(of: "datastore1", bench)
    let files = try await bench.filesOfStream()
    let sync = try await bench.sentStream()["generation"].int
    let second = try await LabDatastore(bench, name: "second", size: "4G")
    do {
      let point = try await bench.insertCheckpoint()
      let before = try await bench.image(of: point.identifier)
      let pause = try await bench.watchingGuest {
        let began = ContinuousClock.now
        try await bench.move(to: second.identifier) {
          _ = try await Waiting.until(seconds: 60, every: .milliseconds(20)) {
            try await bench.isMoving(to: second.folder)
          }
          try await bench.kill(try await bench.worker(of: bench.paris))
        }
        try await bench.waitUntilProtected(seconds: 120)
        let size = try await Program.run(["du", "-sh", second.image])
        print("lab: \(size) on the file system")
        print("lab: moved, and protected again, in \(began.duration(to: .now))")
      }
      print("lab: the guest's longest pause was \(pause) s")
      let moved = try await bench.filesOfStream()
      #expect(moved.count == files.count && moved.allSatisfy { $0.hasPrefix(second.folder) })
      for file in files { #expect(!FileManager.default.fileExists(atPath: file), "\(file)") }
      #expect(try await bench.image(of: point.identifier) == before)
      #expect(try await bench.checkpoints().contains(point.identifier))
      #expect(try await bench.sentStream()["generation"].int == sync, "there was a sync")
      try await bench.compareDisks()

      try await bench.moveBack(to: "datastore1")
      try await bench.waitUntilProtected(seconds: 120)
      #expect(try await bench.filesOfStream() == files)
      #expect(try await second.files() == [])
      #expect(try await bench.image(of: point.identifier) == before)
      try await bench.compareDisks()
    } catch {
      try? await bench.move(to: first) {}
      try? await second.remove()
      throw error
    }
    try await second.remove()
  }
}

extension WithstandBench {
  /// Has journal and replicas be on a datastore, and waits until they are.
  fileprivate func move(
    to datastore: String,
    meanwhile: () async throws -> Void
  ) async throws {
    try await ask(london) { client in
      let begun = try await client.post("/vpgSettings", ["VpgIdentifier": .text(vpg)])
      let settings = "/vpgSettings/\(try #require(begun.text))"
      var tree = try await client.get(settings)
      tree["Recovery"]["DefaultDatastoreIdentifier"] = .text(datastore)
      tree["Journal"]["DatastoreIdentifier"] = .text(datastore)
      try await client.put(settings, tree)
      let task = try await client.begin("\(settings)/commit")
      try await meanwhile()
      try await client.waitForTask(task, seconds: 240)
    }
  }

  /// The same by command.
  fileprivate func moveBack(to datastore: String) async throws {
    let shell = try LabShell(london)
    defer { shell.remove() }
    try await shell.logIn()
    try await shell.run(
      "vpg",
      "edit",
      DemoStory.vpgName,
      "--datastore",
      datastore,
      "--journal-datastore",
      datastore
    )
  }

  /// Whether the move has begun, or is over already.
  fileprivate func isMoving(to folder: String) async throws -> Bool {
    let journal = try await control(paris, "GET", "/v1/status")["journals"].elements.first
    return journal?["move"] != .null
      || journal?["files"].elements.first?["path"].text?.hasPrefix(folder) == true
  }

  /// Replicas and the journal's folder, at paris.
  fileprivate func filesOfStream() async throws -> [String] {
    let journal = try #require(
      try await control(paris, "GET", "/v1/status")["journals"].elements.first
    )
    return journal["files"].elements.compactMap { $0["path"].text }.sorted()
  }

  /// A checksum of both disks as of a checkpoint.
  fileprivate func image(of checkpoint: String) async throws -> [String] {
    let journals = try await control(paris, "GET", "/v1/status")["journals"].elements
    let name = "image"
    let reply = try await control(
      paris,
      "PUT",
      "/v1/exports/\(name)",
      [
        "stream": .text(try #require(journals.first?["stream"].text)),
        "point": ["checkpoint": ["_0": .number(try #require(Double(checkpoint)))]],
      ]
    )
    let socket = try #require(reply["socketPath"].text)
    var sums: [String] = []
    for volume in reply["volumes"].elements {
      let export = "nbd+unix:///\(volume["identifier"].text ?? "")?socket=\(socket)"
      let file = FileManager.default.temporaryDirectory
        .appending(path: "understudy-image-\(UUID().uuidString)").path(percentEncoded: false)
      defer { try? FileManager.default.removeItem(atPath: file) }
      try await Program.run(["qemu-img", "convert", "-O", "raw", export, file], seconds: 120)
      let sum = try await Program.run(["sha256sum", file], seconds: 60)
      sums.append(String(sum.prefix { $0 != " " }))
    }
    _ = try await control(paris, "DELETE", "/v1/exports/\(name)")
    return sums
  }
}
