// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Logging
import NBDProtocol
import NBDTransport
import RecoveryModel
import Testing

@testable import Appliance

/// Tap, stream, link, journal and point-in-time exports, with a model beside them.
@Suite struct `A disk through the whole path` {
  /// Operations between two checkpoints.
  static let operations =
    ProcessInfo.processInfo.environment["EXERCISE_OPERATIONS"].flatMap { Int($0) } ?? 60

  @Test func `is at every checkpoint what a model says, and so is an overlay on it`() async throws {
    let two = try await TwoHosts()
    let (host, logger) = (two.hosts[0], Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let guest = try await two.protect(host)
    let exports = try ExportRegistry(
      journals: two.journals,
      stateFolder: two.folder.path + "/recovery",
      runFolder: two.folder.path + "/r",
      logger: logger
    )
    var exerciser = DiskExerciser(content: [UInt8](repeating: 0, count: 1 << 20), seed: 11)
    var contents: [[UInt8]] = []
    for number in 1...8 {
      for _ in 0..<Self.operations { try exerciser.step(on: guest, isReadable: false) }
      let mark = Checkpoint(
        identifier: CheckpointIdentifier(UInt64(number)),
        time: WallTime(milliseconds: 1_767_225_600_000 + Int64(number) * 1000),
        tag: ""
      )
      let reply = host.parts.streams.mark(MarkRequest(checkpoint: mark, streams: [host.stream]))
      #expect(reply.isMarked, "\(reply.reason)")
      contents.append(exerciser.content)
      // What comes after the mark must not be in it.
      for _ in 0..<5 { try exerciser.step(on: guest, isReadable: false) }
      try await host.parts.streams.eventually("everything is durable") {
        $0.acknowledgedSequence == $0.lastSequence
      }
      let chosen = Int.random(in: 1...number)
      let last = SequenceNumber(try #require(host.parts.streams.status().first).lastSequence)
      for (point, expected) in [
        (Self.checkpoint(number), contents[number - 1]),
        (Self.checkpoint(chosen), contents[chosen - 1]),
        (.sequence(last), exerciser.content),
      ] {
        try withExport(of: point, host.stream, exports, two.folder) { disk, _ in
          try exerciser.expect(expected, of: disk, "\(point)")
        }
      }
    }
    try withExport(of: Self.checkpoint(4), host.stream, exports, two.folder) { disk, overlay in
      try Self.exercise(overlay, from: contents[3], in: two.folder)
      try exerciser.expect(contents[3], of: disk, "checkpoint 4 under its overlay")
    }
    exports.stop()
    await two.close()
  }

  private static func checkpoint(_ number: Int) -> ExportPoint {
    .checkpoint(CheckpointIdentifier(UInt64(number)))
  }

  /// Opens an export of a point while `body` uses it and the overlay on it.
  private func withExport(
    of point: ExportPoint,
    _ stream: StreamIdentifier,
    _ exports: ExportRegistry,
    _ folder: URL,
    _ body: (GuestDisk, _ overlayPath: String) throws -> Void
  ) throws {
    let identifier = ExportIdentifier("export")
    let reply = try exports.put(
      identifier,
      ExportRequest(
        stream: stream,
        point: point,
        overlayFolder: folder.path + "/overlays"
      )
    )
    let volume = try #require(reply.volumes.first)
    let disk = try GuestDisk(
      socketPath: reply.socketPath,
      exportName: volume.identifier.rawValue
    )
    try body(disk, volume.overlayPath)
    try disk.request(.disconnect, 0..<0, isAnswered: false)
    try exports.delete(identifier)
  }

  /// Reads and writes an overlay through QEMU as a recovered VM does.
  private static func exercise(_ overlay: String, from content: [UInt8], in folder: URL) throws {
    let socket = folder.appendingPathComponent("o.nbd").path
    let daemon = Process()
    daemon.executableURL = URL(filePath: "/usr/bin/qemu-storage-daemon")
    daemon.arguments = [
      "--blockdev", "file,node-name=file0,filename=\(overlay)",
      "--blockdev", "qcow2,node-name=disk0,file=file0",
      "--nbd-server", "addr.type=unix,addr.path=\(socket)",
      "--export", "nbd,id=e,node-name=disk0,name=disk,writable=on",
      "--pidfile", socket + ".pid",
    ]
    try daemon.run()
    defer {
      kill(daemon.processIdentifier, SIGKILL)
      daemon.waitUntilExit()
    }
    // The daemon writes the file once it serves.
    while !FileManager.default.fileExists(atPath: socket + ".pid") {
      try #require(daemon.isRunning)
      usleep(5000)
    }
    let disk = try GuestDisk(socketPath: socket, exportName: "disk")
    var exerciser = DiskExerciser(content: content, seed: 12)
    for _ in 0..<(operations * 5) { try exerciser.step(on: disk, isReadable: true) }
    try exerciser.expect(exerciser.content, of: disk, "the overlay")
  }
}
