// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// All disks of the VM: a re-sync must cost a small part of it.
  private static let diskByteCount = 160 << 20

  @Test(arguments: ["link", "recovery appliance"])
  func `what is gone for longer than the buffer lasts costs what was written meanwhile`(
    gone: String
  ) async throws {
    let bench = try await WithstandBench.ready()
    try await bench.useBuffer(megabytes: 1)
    let outcome: (any Error)?
    do {
      try await bench.outlive(gone, reading: Self.diskByteCount / 8)
      outcome = nil
    } catch {
      outcome = error
    }
    try await bench.useBuffer(megabytes: nil)
    if let outcome { throw outcome }
  }

  @Test func `a stranger at the port of the streams is refused, and an event says so`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    // A certificate of the same kind, of nobody whom the site trusts.
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "stranger-\(UUID().uuidString)").path(percentEncoded: false)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await Program.run([
      "openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=stranger",
      "-keyout", "\(folder)/key.pem", "-out", "\(folder)/cert.pem",
    ])
    await #expect(throws: LabError.self) {
      try await Program.run([
        "ip", "netns", "exec", bench.london.namespace, "curl", "--silent", "--noproxy", "*",
        "--insecure", "--cert", "\(folder)/cert.pem", "--key", "\(folder)/key.pem",
        "https://\(bench.paris.peerAddress):\(LabSite.streamPort)/",
      ])
    }
    let isTold = try await Waiting.until(seconds: 20) {
      try await bench.ask(bench.paris) { client in
        try await client.get("/events").elements.contains {
          $0["Description"].text?.contains("no trust between here and") == true
        }
      }
    }
    #expect(isTold)
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// Gives the protected site's appliance another buffer, or its usual one, and starts it anew.
  fileprivate func useBuffer(megabytes: Int?) async throws {
    let daemons = daemons(of: london)
    try daemons.writeConfigurations()
    if let megabytes {
      let file = URL(filePath: london.applianceConfigurationFile)
      var text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
      text.replace(/"bufferInMB"\s*:\s*\d+/, with: "\"bufferInMB\": \(megabytes)")
      try Data(text.utf8).write(to: file)
    }
    try await killAppliance(of: london)
    try await startDaemons(at: london)
    try await waitUntilProtected()
  }

  private func killAppliance(of site: LabSite) async throws {
    let worker = try await worker(of: site)
    try await kill(try supervisor(of: site))
    let isGone = try await Waiting.until(seconds: 10) { Daemon.commandLine(of: worker).isEmpty }
    #expect(isGone)
  }

  /// Has the guest write more than the buffer takes while the other side is gone, and checks that
  /// it neither waits nor costs a read of the disks.
  fileprivate func outlive(_ gone: String, reading limit: Int) async throws {
    try await waitUntilChangesAreKnown()
    let old = try await checkpoints()
    _ = try await watchingGuest {
      if gone == "link" {
        try await setLink(up: false)
      } else {
        try await killAppliance(of: paris)
      }
      // More than the 4 MiB that a disk has at least.
      try await source.run(
        "/bin/dd",
        ["if=/dev/urandom", "of=/vdb/filler", "bs=64k", "count=96", "conv=fsync"]
      )
      let isLost = try await Waiting.until(seconds: 20) {
        try await sentStream()["needsSync"] == true
      }
      #expect(isLost, "the buffer held all of it")
      let number = try await source.page("last")
      let goesOn = try await Waiting.until(seconds: 20) { try await source.page("last") != number }
      #expect(goesOn, "the guest waits for the other site")
      if gone == "link" {
        try await setLink(up: true)
      } else {
        try await startDaemons(at: paris)
      }
      try await waitUntilProtected()
    }
    let read = try #require(try await sentStream()["syncReadByteCount"].int)
    #expect(read > 6 << 20 && read < limit, "\(read) bytes were read")
    #expect(Set(old).isSubset(of: try await checkpoints()))
    try await compareDisks()
  }
}
