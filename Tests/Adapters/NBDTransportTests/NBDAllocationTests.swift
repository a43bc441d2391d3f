// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import NBDTransport
import Testing

/// What others, and our own client, learn of an export of ours that has holes.
struct NBDAllocationTests {
  static let nothing = NBDExtent.hole | NBDExtent.zero
  static let extents = [
    NBDExtent(count: 1 << 20, flags: 0),
    NBDExtent(count: 2 << 20, flags: nothing),
    NBDExtent(count: 64 << 10, flags: NBDExtent.zero),
    NBDExtent(count: (1 << 20) - (64 << 10), flags: 0),
  ]

  /// An export of 4 MiB with content where its extents say so.
  static func export() -> MemoryExport {
    var bytes = noise(4 << 20, seed: 5)
    let zeroes = 1 << 20..<(3 << 20) + (64 << 10)
    bytes.replaceSubrange(zeroes, with: [UInt8](repeating: 0, count: zeroes.count))
    return MemoryExport(bytes, isReadOnly: true, extents: extents)
  }

  @Test func `our client reads and learns by structured replies`() throws {
    let export = Self.export()
    try withServer(["disk": export, "plain": MemoryExport(noise(4096))]) { path, _, _ in
      let wanted = [NBDMetaContext.allocation]
      let client = try NBDClient(socketPath: path, exportName: "disk", contexts: wanted)
      defer { client.close() }
      #expect(client.grantedContexts == wanted)
      let told = try client.extents(of: wanted[0], at: 0, count: client.byteCount)
      #expect(told == Self.extents)
      #expect(
        try client.extents(of: wanted[0], at: (1 << 20) - 1, count: 2)
          == [NBDExtent(count: 1, flags: 0), NBDExtent(count: 1, flags: Self.nothing)]
      )
      let isEqual = try NBDClientTests.read(client, at: 0, 4 << 20) == export.bytes
      #expect(isEqual)
      #expect(throws: NBDTransportError.refused(.invalidArgument)) {
        try NBDClientTests.read(client, at: 4 << 20, 1)
      }
      #expect(try NBDClientTests.read(client, at: 5, 1) == [export.bytes[5]])
      let plain = try NBDClient(socketPath: path, exportName: "plain", contexts: wanted)
      defer { plain.close() }
      #expect(plain.grantedContexts.isEmpty)
    }
  }

  @Test(.enabled(if: NBDServerInteropTests.info.isInstalled, "libnbd-bin is not installed"))
  func `nbdinfo maps the holes`() throws {
    try withServer(["disk": Self.export()]) { path, _, _ in
      let outcome = try NBDServerInteropTests.info.run(
        "--map",
        "--json",
        NBDServerInteropTests.address(path)
      )
      #expect(outcome.status == 0, "\(outcome.output)")
      let map = try #require(
        JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]]
      )
      #expect(map.map { $0["length"] as? Int } == Self.extents.map { Int($0.count) })
      #expect(map.map { $0["type"] as? Int } == Self.extents.map { Int($0.flags) })
    }
  }

  @Test(.enabled(if: NBDServerInteropTests.qemuImage.isInstalled, "qemu-utils is not installed"))
  func `qemu-img maps the holes, and a copy is equal`() throws {
    let export = Self.export()
    try withServer(["disk": export]) { path, _, folder in
      let address = NBDServerInteropTests.address(path)
      let map = try NBDServerInteropTests.qemuImage.run("map", "--output=json", address)
      #expect(map.status == 0, "\(map.output)")
      let shown = try #require(
        JSONSerialization.jsonObject(with: Data(map.output.utf8)) as? [[String: Any]]
      )
      #expect(shown.map { $0["length"] as? Int } == Self.extents.map { Int($0.count) })
      #expect(shown.map { $0["zero"] as? Bool } == [false, true, true, false])
      let copy = folder.file("copy")
      let outcome = try NBDServerInteropTests.qemuImage.run(
        ["convert", "-f", "raw", "-O", "raw", address, copy]
      )
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(FileManager.default.contents(atPath: copy) == Data(export.bytes))
    }
  }
}
