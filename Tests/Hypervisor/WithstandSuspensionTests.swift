// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a backup of a suspended disk succeeds and its tap comes back when the time is over`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.waitUntilChangesAreKnown()
    let shell = try LabShell(bench.london)
    defer { shell.remove() }
    try await shell.logIn()
    let vm = WithstandBench.vmName
    let suspended = try await shell.run(
      "tap",
      "suspend",
      "--vm",
      vm,
      "--disk",
      "vda",
      "--minutes",
      "1"
    )
    #expect(suspended.contains("\(vm), ") && suspended.hasSuffix(", free"), "\(suspended)")
    // Only the disk that was named is free.
    let snapshot = ["snapshot-create-as", vm, "s", "--disk-only", "--no-metadata"]
    await #expect(throws: LabError.self) {
      try await bench.source.libvirt.virsh(snapshot + ["--diskspec", "vda,snapshot=no"])
    }
    try await bench.backUp("vda")
    // Nobody asks for it.
    try await shell.wait(for: "no tap is suspended", in: "tap", "list")
    try await bench.waitUntilProtected()
    let read = try #require(try await bench.sentStream()["syncReadByteCount"].int)
    #expect(read > 0 && read < 20 << 20, "\(read) bytes were read")
    try await bench.compareDisks()
    let events = try await shell.run("event", "--vpg", "web")
    #expect(events.contains("is suspended for 1 minutes"), "\(events)")
    #expect(events.contains("The time is over"), "\(events)")
  }

  @Test func `the taps of all VMs of a host are suspended and resumed by command`() async throws {
    let bench = try await WithstandBench.ready()
    try await bench.waitUntilChangesAreKnown()
    let shell = try LabShell(bench.london)
    defer { shell.remove() }
    try await shell.logIn()
    let host = try await bench.ask(bench.london) { client in
      let site = try await client.get("/localsite")["SiteIdentifier"].text
      return try await client.get("/virtualizationsites/\(try #require(site))/hosts").elements
        .first?["HostIdentifier"].text
    }
    let identifier = try #require(host)
    let suspended = try await shell.run("tap", "suspend", "--host", identifier, "--minutes", "30")
    #expect(suspended.contains("all disks"), "\(suspended)")
    for target in ["vda", "vdb"] { try await bench.backUp(target) }
    #expect(try await shell.run("tap", "resume", "--host", identifier) == "no tap is suspended")
    try await bench.waitUntilProtected()
    let read = try #require(try await bench.sentStream()["syncReadByteCount"].int)
    #expect(read > 0 && read < 20 << 20, "\(read) bytes were read")
    try await bench.compareDisks()
  }
}

extension WithstandBench {
  /// Has libvirt make a full backup of one disk while its guest writes, and waits for it.
  fileprivate func backUp(_ target: String) async throws {
    let libvirt = source.libvirt
    let disks = try await libvirt.virsh(["domblklist", Self.vmName]).split(separator: "\n")
      .compactMap { $0.split(separator: " ").first.map(String.init) }
      .filter { $0.hasPrefix("vd") }
    let copy = "\(london.datastoreFolder)/backup-\(target).qcow2"
    let description = FileManager.default.temporaryDirectory
      .appending(path: "understudy-backup-\(UUID().uuidString).xml").path(percentEncoded: false)
    defer {
      try? FileManager.default.removeItem(atPath: description)
      try? FileManager.default.removeItem(atPath: copy)
    }
    let parts = disks.map { disk in
      disk == target
        ? "<disk name='\(disk)' type='file'><driver type='qcow2'/><target file='\(copy)'/></disk>"
        : "<disk name='\(disk)' backup='no'/>"
    }
    try "<domainbackup><disks>\(parts.joined())</disks></domainbackup>"
      .write(toFile: description, atomically: true, encoding: .utf8)
    _ = try await libvirt.virsh(["backup-begin", Self.vmName, description])
    let isOver = try await Waiting.until(seconds: 60, every: .milliseconds(300)) {
      try await libvirt.virsh(["domjobinfo", Self.vmName]).contains("None")
    }
    #expect(isOver, "the backup of \(target) does not end")
    let job = try await libvirt.virsh(["domjobinfo", Self.vmName, "--completed"])
    #expect(job.contains("Completed"), "\(job)")
    try await Program.run(["qemu-img", "check", copy])
  }
}
