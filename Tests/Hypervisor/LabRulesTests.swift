// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Lab

/// What a lab leaves alone, without a lab.
@Suite("Lab rules")
struct LabRulesTests {
  private let folder = FileManager.default.temporaryDirectory
    .appending(path: "understudy-rules-\(UUID().uuidString)")
    .resolvingSymlinksInPath().path(percentEncoded: false)

  @Test func `a VM is started once after each start of the machine`() throws {
    var record = LabRecord(name: "usrules", slot: 0, allowsKVM: false, sites: [])
    #expect(record.awaitsStart("web1", in: "first"))
    record.note(started: ["web1"], in: "first")
    #expect(!record.awaitsStart("web1", in: "first"))
    #expect(record.awaitsStart("app1", in: "first"))
    #expect(record.awaitsStart("web1", in: "second"))
    record.note(started: ["app1"], in: "second")
    #expect(!record.awaitsStart("app1", in: "second"))
    #expect(record.awaitsStart("web1", in: "second"))
  }

  @Test func `a run of the machine has one name`() throws {
    let name = try MachineRun.identifier()
    #expect(name.split(separator: " ").count == 2)
    #expect(try MachineRun.identifier() == name)
  }

  @Test func `a record from before starts were noted is read`() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let older = """
      {"allowsKVM": false, "createdFolders": [], "format": "understudy lab 1", "name": "usrules",
       "sites": [], "slot": 3}
      """
    try Data(older.utf8).write(to: URL(filePath: folder + "/lab.json"))
    #expect(try #require(try LabRecord.load(from: folder)).startedVMs == nil)
    try LabRecord(name: "usrules", slot: 3, allowsKVM: false, sites: []).save(in: folder)
    #expect(try #require(try LabRecord.load(from: folder)).startedVMs == [:])
  }

  @Test(.enabled(if: getuid() == 0))
  func `a folder that is mounted on in another namespace stays until it is not`() async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { rmdir(folder) }
    let ready = folder + ".ready"
    let script = #"mount -t tmpfs other "$1"; touch "$1/kept"; echo $$ >"$2"; exec sleep 60"#
    try await Program.run([
      "setsid", "--fork", "unshare", "--mount", "--propagation", "private", "sh", "-c", script,
      "sh", folder, ready,
    ])
    var other: Int32?
    _ = try await Waiting.until(seconds: 10) {
      other = (try? String(contentsOfFile: ready, encoding: .utf8))
        .flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      return other != nil
    }
    let pid = try #require(other)
    defer { try? FileManager.default.removeItem(atPath: ready) }
    let kept = "/proc/\(pid)/root\(folder)/kept"
    #expect(FileManager.default.fileExists(atPath: kept))
    MountFolder.removeIfUnused(folder)
    #expect(FileManager.default.fileExists(atPath: kept))
    #expect(FileManager.default.fileExists(atPath: folder))
    kill(pid, SIGKILL)
    let isRemoved = try await Waiting.until(seconds: 10) {
      MountFolder.removeIfUnused(folder)
      return !FileManager.default.fileExists(atPath: folder)
    }
    #expect(isRemoved)
  }
}
