// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import Testing

@testable import NBDTransport

/// Our client, against servers others wrote and our own.
struct NBDClientTests {
  static let qemuNBD = Tool("qemu-nbd")
  static let nbdkit = Tool("nbdkit")

  static func read(_ client: NBDClient, at offset: UInt64, _ count: Int) throws -> [UInt8] {
    var result = [UInt8](repeating: 0xcc, count: count)
    try result.withUnsafeMutableBytes { try client.read(at: offset, into: $0) }
    return result
  }

  /// Ends a daemon that wrote its process id to `path`.
  static func end(processIn path: String) {
    guard
      let text = try? String(contentsOfFile: path, encoding: .utf8),
      let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
    else { return }
    kill(process, SIGTERM)
  }

  @Test(.enabled(if: qemuNBD.isInstalled, "qemu-utils is not installed"))
  func `a file served by qemu-nbd is read, in pieces of any size`() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    // More than qemu-nbd gives at once.
    let content = noise(40 << 20, seed: 3)
    try folder.makeFile("disk", content)
    let start = try Self.qemuNBD.run(
      "--fork",
      "--persistent",
      "--shared=2",
      "--read-only",
      "--pid-file",
      folder.file("pid"),
      "-k",
      folder.file("s"),
      "-x",
      "disk",
      "-f",
      "raw",
      folder.file("disk")
    )
    defer { Self.end(processIn: folder.file("pid")) }
    try #require(start.status == 0, "\(start.output)")

    let client = try NBDClient(socketPath: folder.file("s"), exportName: "disk")
    defer { client.close() }
    #expect(client.byteCount == UInt64(content.count))
    let isEqual = try Self.read(client, at: 0, content.count) == content
    #expect(isEqual)
    #expect(try Self.read(client, at: 1_049_088, 512) == Array(content[1_049_088..<1_049_600]))
    #expect(throws: NBDTransportError.self) { try Self.read(client, at: client.byteCount, 512) }
    #expect(try Self.read(client, at: 0, 512) == Array(content[..<512]))

    #expect(throws: NBDTransportError.handshake(.unknownExport("other"))) {
      try NBDClient(socketPath: folder.file("s"), exportName: "other")
    }
  }

  @Test(
    .enabled(if: nbdkit.isInstalled, "nbdkit is not installed"),
    arguments: [[], ["--mask-handshake=1"]]
  )
  func `a pattern served by nbdkit is read, with and without zeroes`(options: [String]) throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let start = try Self.nbdkit.run(
      options + ["-U", folder.file("s"), "-P", folder.file("pid"), "pattern", "1M"]
    )
    defer { Self.end(processIn: folder.file("pid")) }
    try #require(start.status == 0, "\(start.output)")

    let client = try NBDClient(socketPath: folder.file("s"), exportName: "")
    defer { client.close() }
    // Each 8 bytes are their own offset, big endian.
    #expect(
      try Self.read(client, at: 0x1_2300, 16)
        == [0, 0, 0, 0, 0, 1, 0x23, 0, 0, 0, 0, 0, 0, 1, 0x23, 8]
    )
    #expect(try Self.read(client, at: 0x1_2302, 3) == [0, 0, 0])
  }

  @Test func `long reads are cut to what the server takes at once`() throws {
    let content = noise(100_000)
    let export = MemoryExport(content, maximumPayload: 4096)
    try withServer(["disk": export]) { path, _, _ in
      let client = try NBDClient(socketPath: path, exportName: "disk")
      defer { client.close() }
      #expect(try Self.read(client, at: 1, 99_999) == Array(content[1...]))
      #expect(export.counts.reads == 25)
    }
  }

  @Test func `reads under way end in any order, and a refusal harms no other`() throws {
    let content = noise(3 << 20)
    try withServer(["disk": MemoryExport(content, maximumPayload: 65536)]) { path, _, _ in
      let client = try NBDClient(socketPath: path, exportName: "disk")
      defer { client.close() }
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 4096)
      defer { memory.deallocate() }
      let tickets = try (0..<4).map { index in
        let start = index << 20
        return try client.begin(
          at: UInt64(start),
          into: UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + 1 << 20])
        )
      }
      // The last one lies past the end.
      #expect(throws: NBDTransportError.refused(.invalidArgument)) {
        try client.finish(tickets[3])
      }
      for index in [2, 0, 1] { try client.finish(tickets[index]) }
      let isEqual = memory.prefix(content.count).elementsEqual(content)
      #expect(isEqual)
    }
  }

  @Test func `a server that stops ends the client's read`() throws {
    try withServer(["disk": MemoryExport(noise(4096))]) { path, server, _ in
      let client = try NBDClient(socketPath: path, exportName: "disk")
      server.stop()
      for _ in 0..<2 {
        #expect(throws: NBDTransportError.connectionClosed) { try Self.read(client, at: 0, 512) }
      }
    }
  }

  @Test func `a server that keeps silent is given up`() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let silent = try UnixSocket.listening(at: folder.file("s"), mode: 0o600)
    defer { silent.close() }
    #expect(throws: NBDTransportError.timedOut) {
      try NBDClient(socketPath: folder.file("s"), exportName: "disk", timeoutInSeconds: 1)
    }
  }

  @Test func `where nobody serves, the reason names the socket`() {
    let error = #expect(throws: NBDTransportError.self) {
      try NBDClient(socketPath: "/nonexistent/s", exportName: "disk")
    }
    #expect(error?.description == "cannot connect to /nonexistent/s: No such file or directory")
  }
}
