// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import NBDTransport
import Testing

/// Clients others wrote, against our server.
struct NBDServerInteropTests {
  static let qemuIO = Tool("qemu-io")
  static let qemuImage = Tool("qemu-img")
  static let info = Tool("nbdinfo")
  static let copy = Tool("nbdcopy")

  static func address(_ path: String, _ export: String = "disk") -> String {
    "nbd+unix:///\(export)?socket=\(path)"
  }

  @Test(.enabled(if: qemuIO.isInstalled, "qemu-utils is not installed"))
  func `qemu-io writes, zeroes, trims, flushes and reads back`() throws {
    let export = MemoryExport(noise(8 << 20))
    try withServer(["disk": export]) { path, _, _ in
      let outcome = try Self.qemuIO.run(
        "-f",
        "raw",
        "-d",
        "unmap",
        Self.address(path),
        "-c",
        "write -P 0x5a 65536 65536",
        "-c",
        "write -f -P 0xa5 1 511",
        "-c",
        "write -z 1M 1M",
        "-c",
        "discard 2M 1M",
        "-c",
        "flush",
        "-c",
        "read -P 0x5a 65536 65536",
        "-c",
        "read -P 0xa5 1 511",
        "-c",
        "read -P 0 1M 1M",
        "-c",
        "write -P 0x11 4M 4M",
        "-c",
        "read -P 0x11 4M 4M"
      )
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(!outcome.output.contains("failed"), "\(outcome.output)")
      let counts = export.counts
      #expect(counts.commits >= 3 && counts.zeroes >= 1 && counts.trims >= 1)
      #expect(counts.flushes >= 2)
      let bytes = export.bytes
      #expect(bytes[65536..<131072] == [UInt8](repeating: 0x5a, count: 65536)[...])
      #expect(bytes[(4 << 20)...] == [UInt8](repeating: 0x11, count: 4 << 20)[...])
    }
  }

  @Test(.enabled(if: qemuIO.isInstalled, "qemu-utils is not installed"))
  func `qemu-io keeps many writes under way`() throws {
    let export = MemoryExport([UInt8](repeating: 0, count: 4 << 20))
    try withServer(["disk": export]) { path, _, _ in
      var arguments = ["-f", "raw", Self.address(path)]
      for block in 0..<64 {
        arguments += ["-c", "aio_write -q -P \(block + 1) \(block * 65536) 65536"]
      }
      arguments += ["-c", "aio_flush"]
      let outcome = try Self.qemuIO.run(arguments)
      #expect(outcome.status == 0, "\(outcome.output)")
      let bytes = export.bytes
      for block in 0..<64 {
        let written = [UInt8](repeating: UInt8(block + 1), count: 65536)
        let isWritten = bytes[block * 65536..<(block + 1) * 65536] == written[...]
        #expect(isWritten, "block \(block)")
      }
    }
  }

  @Test(.enabled(if: qemuIO.isInstalled, "qemu-utils is not installed"))
  func `qemu-io sees why a write fails`() throws {
    let readOnly = MemoryExport(noise(4096), isReadOnly: true)
    let full = MemoryExport(noise(4096), commitError: .noSpace)
    try withServer(["ro": readOnly, "full": full]) { path, _, _ in
      let refused = try Self.qemuIO.run(
        "-f",
        "raw",
        Self.address(path, "ro"),
        "-c",
        "write 0 512"
      )
      #expect(refused.status != 0)
      #expect(refused.output.contains("Permission denied"), "\(refused.output)")
      let failed = try Self.qemuIO.run(
        "-f",
        "raw",
        Self.address(path, "full"),
        "-c",
        "write 0 512"
      )
      #expect(failed.output.contains("No space left on device"), "\(failed.output)")
    }
  }

  @Test(.enabled(if: info.isInstalled, "libnbd-bin is not installed"))
  func `nbdinfo shows size, flags and block sizes`() throws {
    let export = MemoryExport(noise(1 << 20), maximumPayload: 2 << 20)
    try withServer(["disk": export]) { path, _, _ in
      let outcome = try Self.info.run("--json", Self.address(path))
      #expect(outcome.status == 0, "\(outcome.output)")
      let json = try #require(
        JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      )
      #expect(json["protocol"] as? String == "newstyle-fixed")
      let shown = try #require((json["exports"] as? [[String: Any]])?.first)
      #expect(shown["export-size"] as? Int == 1 << 20)
      #expect(shown["is_read_only"] as? Bool == false)
      for ability in ["flush", "fua", "trim", "zero", "multi_conn"] {
        #expect(shown["can_\(ability)"] as? Bool == true, "\(ability)")
      }
      #expect(shown["can_cache"] as? Bool == false)
      #expect(shown["block_size_minimum"] as? Int == 1)
      #expect(shown["block_size_preferred"] as? Int == 4096)
      #expect(shown["block_size_maximum"] as? Int == 2 << 20)
    }
  }

  @Test(.enabled(if: info.isInstalled, "libnbd-bin is not installed"))
  func `nbdinfo lists the exports, and is refused an unknown one`() throws {
    let exports = ["one": MemoryExport(noise(4096)), "two": MemoryExport(noise(8192))]
    try withServer(exports, names: ["one", "two"]) { path, _, _ in
      let list = try Self.info.run("--list", "--json", Self.address(path, ""))
      #expect(list.status == 0, "\(list.output)")
      #expect(list.output.contains("\"one\"") && list.output.contains("\"two\""))
      let unknown = try Self.info.run(Self.address(path, "three"))
      #expect(unknown.status != 0)
      #expect(unknown.output.contains("three"), "\(unknown.output)")
    }
  }

  @Test(.enabled(if: copy.isInstalled, "libnbd-bin is not installed"))
  func `nbdcopy copies in and out over several connections`() throws {
    let source = noise(16 << 20, seed: 7)
    let export = MemoryExport([UInt8](repeating: 0xee, count: source.count))
    try withServer(["disk": export]) { path, _, folder in
      try folder.makeFile("original", source)
      let original = folder.file("original")
      let wayIn = try Self.copy.run(original, Self.address(path))
      #expect(wayIn.status == 0, "\(wayIn.output)")
      #expect(export.bytes == source)
      let wayOut = try Self.copy.run(Self.address(path), folder.file("copy"))
      #expect(wayOut.status == 0, "\(wayOut.output)")
      #expect(
        FileManager.default.contentsEqual(atPath: original, andPath: folder.file("copy"))
      )
      #expect(export.counts.opened > 2)
    }
  }

  @Test(.enabled(if: qemuImage.isInstalled, "qemu-utils is not installed"))
  func `qemu-img converts and compares, on an overlay too`() throws {
    let source = noise(4 << 20, seed: 9)
    let export = MemoryExport(source, isReadOnly: true)
    try withServer(["disk": export]) { path, _, folder in
      let address = Self.address(path)
      let overlay = folder.file("overlay.qcow2")
      let raw = folder.file("raw")
      for arguments in [
        ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", address, overlay],
        ["convert", "-f", "qcow2", "-O", "raw", overlay, raw],
        ["compare", "-f", "raw", "-F", "raw", raw, address],
      ] {
        let outcome = try Self.qemuImage.run(arguments)
        #expect(outcome.status == 0, "\(arguments): \(outcome.output)")
      }
      #expect(FileManager.default.contents(atPath: raw) == Data(source))
    }
  }
}
