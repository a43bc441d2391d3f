// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import Testing

@testable import Appliance

/// Programs others wrote, reading a disk as it was.
@Suite struct `A recovered disk` {
  private static let dataByteCount = 70_000

  /// Serves a disk of 1 MiB with some data in its journal, and hands over address, content and a
  /// folder.
  private func withExport(_ body: (String, [UInt8], String) throws -> Void) throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    let data = (0..<Self.dataByteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 7 | 1) }
    try bench.deliver(
      .write(0, 4096, data),
      .mark(1),
      .write(0, 0, [UInt8](repeating: 9, count: 100_000))
    )
    let identifier = ExportIdentifier("0a1b2c3d-0000-4000-8000-0000000000aa")
    let reply = try bench.exports.put(
      identifier,
      ExportRequest(
        stream: RecoveryBench.stream,
        point: .checkpoint(CheckpointIdentifier(1)),
        overlayFolder: bench.root + "/scratch/web1"
      )
    )
    defer { try? bench.exports.delete(identifier) }
    var content = [UInt8](repeating: 0, count: 1 << 20)
    content.replaceSubrange(4096..<4096 + data.count, with: data)
    try body(address(reply.socketPath, "scsi:0:0"), content, bench.root)
  }

  @Test func `is what nbdinfo shows and maps`() throws {
    try withExport { address, _, _ in
      let shown = try run("nbdinfo", "--json", address)
      #expect(shown.contains("\"is_read_only\": true"), "\(shown)")
      #expect(shown.contains("\"export-size\": 1048576"), "\(shown)")
      let map = try JSONDecoder().decode(
        [MapEntry].self,
        from: Data(run("nbdinfo", "--map", "--json", address).utf8)
      )
      #expect(map.map(\.length) == [4096, Self.dataByteCount, (1 << 20) - 74_096])
      #expect(map.map(\.type) == [3, 0, 3])
    }
  }

  private struct MapEntry: Decodable {
    var length: Int
    var type: Int
  }

  @Test func `is what qemu-img and nbdcopy copy and compare`() throws {
    try withExport { address, content, folder in
      #expect(try run("qemu-img", "info", address).contains("1 MiB"))
      let converted = folder + "/converted"
      try run("qemu-img", "convert", "-f", "raw", "-O", "raw", address, converted)
      #expect(FileManager.default.contents(atPath: converted) == Data(content))
      try run("qemu-img", "compare", "-f", "raw", "-F", "raw", address, converted)
      let copied = folder + "/copied"
      try run("nbdcopy", address, copied)
      #expect(FileManager.default.contents(atPath: copied) == Data(content))
      try run("qemu-io", "-r", "-f", "raw", address, "-c", "read -P 0 0 4096")
    }
  }

  @Test func `is read by fio and libnbd's Python`() throws {
    try withExport { address, content, folder in
      try run(
        "fio",
        "--name=t",
        "--ioengine=nbd",
        "--uri=\(address)",
        "--rw=randread",
        "--bs=4k",
        "--iodepth=32",
        "--size=1m",
        "--readonly"
      )
      let path = folder + "/content"
      try Data(content).write(to: URL(fileURLWithPath: path))
      try run(
        "python3",
        "-c",
        """
        import nbd
        content = open("\(path)", "rb").read()
        h = nbd.NBD()
        h.connect_uri("\(address)")
        assert h.is_read_only() and h.can_multi_conn() and h.can_df()
        assert h.pread(len(content), 0) == content
        chunks = []
        h.pread_structured(5000, 4095, lambda data, at, kind, error: chunks.append(bytes(data)),
                           nbd.CMD_FLAG_DF)
        assert chunks == [content[4095:9095]]
        for call in (lambda: h.pwrite(b"x", 0), lambda: h.trim(512, 0), lambda: h.zero(512, 0)):
            h.set_strict_mode(0)
            try:
                call()
            except nbd.Error as error:
                assert error.errno == "EPERM", error
            else:
                raise AssertionError("a write to a recovered disk")
        h.shutdown()
        """
      )
    }
  }
}
