// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Glibc
import RecoveryModel
import Testing

@testable import Appliance

/// A QEMU that runs as a user of its own, as libvirt has it.
@Suite(.serialized, .enabled(if: geteuid() == 0), .timeLimit(.minutes(2)))
struct SocketAccessTests {
  /// A user that every system has, with a group of the same name.
  private static let user = "daemon"

  @Test func `a QEMU of another user is tapped and read from, and no third user gets in`()
    async throws
  {
    let access = try SocketAccess(userName: Self.user)
    let pair = try await ProtectedPair(byteCount: ProtectedStreamTests.byteCount, sockets: access)
    try access.prepare(pair.folder.path)
    let reply = try pair.streams.protect(ProtectedPair.stream, pair.request())
    let disk = try MirroredDisk(
      folder: pair.folder,
      name: "disk",
      bytes: ProtectedStreamTests.content(),
      user: Self.user,
      socketPath: reply.pullSocketPath
    )
    defer { disk.close() }
    #expect(try Self.size(reply.tapSocketPath, as: Self.user))
    #expect(try !Self.size(reply.tapSocketPath, as: "bin"))
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    _ = try await pair.status("the tap is connected") { !$0.connectedVolumes.isEmpty }
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await disk.run(ProtectedStreamTests.randomWrites(50))
    try await pair.expectEqual(disk)
    await pair.close()
  }

  @Test func `a user that does not exist is refused by name`() throws {
    let error = #expect(throws: (any Error).self) {
      try SocketAccess(userName: "nobody-of-that-name")
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("nobody-of-that-name"))
    // Without a name there is always somebody.
    _ = try SocketAccess(userName: nil)
  }

  /// Whether a user gets to know the tap's size.
  private static func size(_ socketPath: String, as user: String) throws -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "setpriv", "--reuid", user, "--regid", user, "--clear-groups", "nbdinfo", "--size",
      "nbd+unix:///\(ProtectedPair.volume.rawValue)?socket=\(socketPath)",
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
