// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a point between checkpoints is read by its number and by its time`() async throws {
    let bench = try await WithstandBench.ready()
    let shell = try LabShell(bench.paris)
    defer { shell.remove() }
    let still = try await bench.standStill()
    defer { for path in still.copies.values { try? FileManager.default.removeItem(atPath: path) } }
    let isPassed = try await Waiting.until(seconds: 30, every: .milliseconds(200)) {
      let durable = try await bench.control(bench.paris, "GET", "/v1/status")["journals"].elements
        .first?["durableSequence"].int
      return durable ?? 0 > still.sequence + 20
    }
    #expect(isPassed, "the guest does not write on")

    for wish in [["--sequence", "\(still.sequence)"], ["--time", still.time]] {
      let point = try await bench.open(wish, shell)
      #expect(point.words.contains("write: \(still.sequence),"), "\(point.words)")
      for (target, copy) in still.copies {
        let export = try #require(point.exports[target])
        try await Program.run(["qemu-img", "compare", "-f", "raw", "-F", "raw", copy, export])
      }
      let listed = try await bench.point(shell, "list")
      #expect(listed.contains(point.identifier))
      _ = try await bench.point(shell, "close", point.identifier)
    }

    // A later write is another content, by another reader.
    let point = try await bench.open(["--sequence", "\(still.sequence + 20)"], shell)
    let export = try #require(point.exports["vda"])
    let copy = try #require(still.copies["vda"])
    try await Program.run(["nbdcopy", export, copy + ".later"])
    defer { try? FileManager.default.removeItem(atPath: copy + ".later") }
    await #expect(throws: LabError.self) { try await Program.run(["cmp", copy, copy + ".later"]) }
    _ = try await bench.point(shell, "close", point.identifier)
    #expect(try await bench.point(shell, "list").isEmpty)
    await #expect(throws: LabError.self) {
      try await bench.open(["--sequence", "\(still.sequence + 1_000_000_000)"], shell)
    }
  }
}

extension WithstandBench {
  /// The protected disks at a moment in which nobody wrote.
  fileprivate struct Still {
    /// The last write of the stream.
    var sequence: Int
    /// ISO 8601, after that write and before the next.
    var time: String
    /// Copies of the disks, by target.
    var copies: [String: String]
  }

  /// A point that is open.
  fileprivate struct OpenPoint {
    var words: String
    var identifier: String
    /// NBD addresses, by target.
    var exports: [String: String]
  }

  /// Has the guest stand still, copies its disks, and lets it go on.
  fileprivate func standStill() async throws -> Still {
    let libvirt = source.libvirt
    _ = try await libvirt.virsh(["suspend", Self.vmName])
    let outcome: Result<Still, any Error>
    do { outcome = .success(try await copyStill()) } catch { outcome = .failure(error) }
    _ = try await libvirt.virsh(["resume", Self.vmName])
    return try outcome.get()
  }

  private func copyStill() async throws -> Still {
    // What QEMU has under way comes in; then nothing but marks of checkpoints does.
    var writes = 0
    var sequence = 0
    let isStill = try await Waiting.until(seconds: 30, every: .milliseconds(500)) {
      let stream = try await sentStream()
      defer { writes = stream["writeCount"].int ?? 0 }
      sequence = stream["lastSequence"].int ?? 0
      return writes > 0 && stream["writeCount"].int == writes
        && stream["acknowledgedSequence"].int == sequence
    }
    guard isStill else { throw LabError("the stream does not come to rest") }
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let time = Date.now.formatted(style)
    var copies: [String: String] = [:]
    for target in ["vda", "vdb"] {
      let disk = "\(london.datastoreFolder)/\(Self.vmName)/\(Self.vmName)-\(target).raw"
      let copy = "\(london.datastoreFolder)/still-\(target).raw"
      try await Program.run(["cp", "--sparse=always", disk, copy])
      copies[target] = copy
    }
    return Still(sequence: sequence, time: time, copies: copies)
  }

  /// Runs `understudy point` beside the recovery site's manager.
  fileprivate func point(_ shell: LabShell, _ arguments: String...) async throws -> String {
    try await point(shell, arguments)
  }

  private func point(_ shell: LabShell, _ arguments: [String]) async throws -> String {
    try await Program.run(
      [
        "ip", "netns", "exec", paris.namespace, shell.executable, "point", arguments[0],
        "--config", paris.managerConfigurationFile,
      ] + arguments.dropFirst(),
      seconds: 60
    )
  }

  fileprivate func open(_ wish: [String], _ shell: LabShell) async throws -> OpenPoint {
    let words = try await point(shell, ["open", "--vm", Self.vmName] + wish)
    var exports: [String: String] = [:]
    var identifier = ""
    for line in words.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ": ", maxSplits: 1).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard parts.count == 2 else { continue }
      if parts[0] == "point" { identifier = parts[1] }
      if parts[1].hasPrefix("nbd+unix:") { exports[parts[0]] = parts[1] }
    }
    return OpenPoint(words: words, identifier: identifier, exports: exports)
  }
}
