// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import NBDTransport
import Testing

/// What our client learns of blocks from servers others wrote.
struct NBDClientExtentsTests {
  static let qemuImage = Tool("qemu-img")
  static let qemuIO = Tool("qemu-io")
  static let storageDaemon = Tool("qemu-storage-daemon")
  static let bitmap = "qemu:dirty-bitmap:us-0"
  static let allocation = NBDMetaContext.allocation

  /// Runs one of QEMU's tools to its end and expects it to succeed.
  static func run(_ tool: Tool, _ arguments: String...) throws {
    let outcome = try tool.run(arguments)
    try #require(outcome.status == 0, "\(arguments): \(outcome.output)")
  }

  @Test(
    .enabled(if: storageDaemon.isInstalled, "qemu-storage-daemon is not installed"),
    .enabled(if: qemuIO.isInstalled, "qemu-utils is not installed")
  )
  func `a dirty bitmap tells what was written since it was made`() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let disk = folder.file("disk")
    try Self.run(Self.qemuImage, "create", "-q", "-f", "qcow2", disk, "3G")
    try Self.run(Self.qemuIO, "-c", "write -P 1 1M 1M", disk)
    try Self.run(Self.qemuImage, "bitmap", "--add", "-g", "64k", disk, "us-0")
    try Self.run(
      Self.qemuIO,
      "-c",
      "write -P 2 1088k 4k",
      "-c",
      "write -P 3 2560M 128k",
      disk
    )
    try Self.run(Self.qemuImage, "bitmap", "--disable", disk, "us-0")
    let start = try Self.storageDaemon.run(
      "--daemonize",
      "--pidfile",
      folder.file("pid"),
      "--blockdev",
      "driver=file,node-name=file,filename=\(disk)",
      "--blockdev",
      "driver=qcow2,node-name=disk,file=file",
      "--nbd-server",
      "addr.type=unix,addr.path=\(folder.file("s"))",
      "--export",
      "type=nbd,id=pull,node-name=disk,name=pull,bitmaps.0=us-0"
    )
    defer { NBDClientTests.end(processIn: folder.file("pid")) }
    try #require(start.status == 0, "\(start.output)")

    let client = try NBDClient(
      socketPath: folder.file("s"),
      exportName: "pull",
      contexts: [Self.bitmap, Self.allocation, "qemu:dirty-bitmap:other"]
    )
    defer { client.close() }
    #expect(Set(client.grantedContexts) == [Self.bitmap, Self.allocation])
    let dirty = try client.extents(of: Self.bitmap, at: 0, count: client.byteCount)
    #expect(
      dirty == [
        NBDExtent(count: 1088 << 10, flags: 0),
        NBDExtent(count: 64 << 10, flags: NBDExtent.dirty),
        NBDExtent(count: (2560 << 20) - (1152 << 10), flags: 0),
        NBDExtent(count: 128 << 10, flags: NBDExtent.dirty),
        NBDExtent(count: (512 << 20) - (128 << 10), flags: 0),
      ]
    )
    let nothing = NBDExtent.hole | NBDExtent.zero
    #expect(
      try client.extents(of: Self.allocation, at: 512 << 10, count: 2 << 20) == [
        NBDExtent(count: 512 << 10, flags: nothing),
        NBDExtent(count: 1 << 20, flags: 0),
        NBDExtent(count: 512 << 10, flags: nothing),
      ]
    )
    #expect(throws: NBDTransportError.refused(.notSupported)) {
      try client.extents(of: "qemu:dirty-bitmap:other", at: 0, count: 512)
    }
    // Structured replies carry holes, which must come out as zeroes.
    var expected = [UInt8](repeating: 0, count: 3 << 20)
    expected.replaceSubrange(1 << 20..<2 << 20, with: [UInt8](repeating: 1, count: 1 << 20))
    expected.replaceSubrange(1088 << 10..<1092 << 10, with: [UInt8](repeating: 2, count: 4096))
    let isEqual = try NBDClientTests.read(client, at: 0, expected.count) == expected
    #expect(isEqual)
  }

  @Test(.enabled(if: NBDClientTests.nbdkit.isInstalled, "nbdkit is not installed"))
  func `nbdkit tells holes, and an old server tells nothing`() throws {
    for (options, isTold) in [([], true), (["--no-sr"], false)] {
      let folder = try TemporaryFolder()
      defer { folder.remove() }
      let start = try NBDClientTests.nbdkit.run(
        options + [
          "-U", folder.file("s"), "-P", folder.file("pid"), "data",
          "data=@65536 1*65536", "size=5G",
        ]
      )
      defer { NBDClientTests.end(processIn: folder.file("pid")) }
      try #require(start.status == 0, "\(start.output)")
      let client = try NBDClient(
        socketPath: folder.file("s"),
        exportName: "",
        contexts: [Self.allocation, Self.bitmap]
      )
      defer { client.close() }
      #expect(client.grantedContexts == (isTold ? [Self.allocation] : []))
      if isTold {
        let extents = try client.extents(of: Self.allocation, at: 0, count: client.byteCount)
        #expect(extents.map(\.count) == [65536, 65536, (5 << 30) - 131_072])
        #expect(extents.map { $0.flags & NBDExtent.zero != 0 } == [true, false, true])
      }
      var expected = [UInt8](repeating: 0, count: 196_608)
      expected.replaceSubrange(65536..<131_072, with: [UInt8](repeating: 1, count: 65536))
      let isEqual = try NBDClientTests.read(client, at: 0, expected.count) == expected
      #expect(isEqual)
    }
  }
}
