// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import NBDTransport
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@testable import Appliance

/// A tap whose stream is in order as soon as somebody is connected: some programs come twice.
private final class OrderedTap: NBDExport {
  let buffer: StreamBuffer
  let tap: TapExport

  init(buffer: StreamBuffer, tap: TapExport) {
    self.buffer = buffer
    self.tap = tap
  }

  var byteCount: UInt64 { tap.byteCount }
  var isReadOnly: Bool { tap.isReadOnly }
  var canMultiConnect: Bool { tap.canMultiConnect }
  var maximumPayload: Int { tap.maximumPayload }

  func connectionOpened() {
    tap.connectionOpened()
    // A sync begins when nothing older is on its way; those that came before wrote nothing.
    buffer.acknowledged(through: buffer.last)
    guard let generation = try? buffer.beginSync(isCancelled: { false }) else { return }
    try? buffer.endSync(generation: generation) { false }
  }

  func connectionClosed() { tap.connectionClosed() }

  func read(at offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) throws(NBDErrorCode) {
    try tap.read(at: offset, into: bytes)
  }

  func prepareWrite(at offset: UInt64, count: Int) -> UnsafeMutableRawBufferPointer {
    tap.prepareWrite(at: offset, count: count)
  }

  func commitWrite(at offset: UInt64, count: Int) throws(NBDErrorCode) {
    try tap.commitWrite(at: offset, count: count)
  }

  func abandonWrite() { tap.abandonWrite() }

  func writeZeroes(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    try tap.writeZeroes(at: offset, count: count)
  }

  func trim(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    try tap.trim(at: offset, count: count)
  }

  func flush() throws(NBDErrorCode) { try tap.flush() }
}

/// Programs others wrote, writing to a tap: what leaves for the other site is what they wrote.
@Suite struct `A tap` {
  private static let size = 8 << 20

  /// A tap on a socket, with its buffer in order.
  private final class Bench {
    let folder = FileManager.default.temporaryDirectory.path + "/tap-" + UUID().uuidString.prefix(8)
    let buffer = StreamBuffer(volumeSizes: VolumeSizes([64 << 20]), byteCount: 64 << 20)
    let server: NBDServer
    var socketPath: String { folder + "/s" }
    var address: String { ApplianceTests.address(socketPath, "disk") }

    init() throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      let buffer = buffer
      _ = buffer.linkOpened(StreamBufferTests.welcome)
      server = try NBDServer(socketPath: folder + "/s") { name in
        guard name == "disk" else { return nil }
        return OrderedTap(
          buffer: buffer,
          tap: TapExport(buffer: buffer, volume: 0, byteCount: UInt64(size))
        )
      }
      try server.start()
    }

    /// Stops the tap, and returns what a disk of 0xee has become by the records.
    func content() -> [UInt8] {
      server.stop()
      var content = [UInt8](repeating: 0xee, count: size)
      var taken = buffer.monitor.withLock { buffer.stream.acknowledged }
      let batch = RecordBatch()
      while true {
        batch.removeAll()
        buffer.take(after: taken, into: batch, byteLimit: 1 << 20, waitMilliseconds: 0)
        guard let last = batch.last else { return content }
        taken = last
        var start = 0
        for record in batch.records {
          defer { start += record.payloadByteCount }
          guard [.write, .zeroes].contains(record.kind) else { continue }
          let range = Int(record.offset)..<Int(record.offset) + Int(record.length)
          let bytes =
            record.kind == .zeroes
            ? [UInt8](repeating: 0, count: range.count)
            : Array(batch.payload[start..<start + record.payloadByteCount])
          content.replaceSubrange(range, with: bytes)
        }
      }
    }

    func tearDown() {
      server.stop()
      try? FileManager.default.removeItem(atPath: folder)
    }
  }

  @Test func `takes what qemu-io writes, zeroes and trims`() throws {
    let bench = try Bench()
    defer { bench.tearDown() }
    try run(
      "qemu-io",
      "-f",
      "raw",
      "-d",
      "unmap",
      bench.address,
      "-c",
      "write -P 0x5a 4096 65536",
      "-c",
      "aio_write -P 0xa5 1 511",
      "-c",
      "aio_flush",
      "-c",
      "write -z 8192 4096",
      "-c",
      "discard 1M 64k",
      "-c",
      "write -P 0 2M 64k",
      "-c",
      "write -f -P 0x11 4M 4M",
      "-c",
      "flush"
    )
    var expected = [UInt8](repeating: 0xee, count: Self.size)
    for (start, count, value) in [
      (4096, 65536, 0x5a), (1, 511, 0xa5), (8192, 4096, 0), (1 << 20, 65536, 0),
      (2 << 20, 65536, 0), (4 << 20, 4 << 20, 0x11),
    ] as [(Int, Int, UInt8)] {
      expected.replaceSubrange(
        start..<start + count,
        with: [UInt8](repeating: value, count: count)
      )
    }
    let isEqual = bench.content() == expected
    #expect(isEqual)
  }

  @Test func `takes a disk from nbdcopy, holes as zeroes`() throws {
    let bench = try Bench()
    defer { bench.tearDown() }
    var disk = (0..<Self.size).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }
    disk.replaceSubrange(1 << 20..<3 << 20, with: [UInt8](repeating: 0, count: 2 << 20))
    let path = bench.folder + "/disk"
    try Data(disk).write(to: URL(fileURLWithPath: path))
    try run("nbdcopy", "--flush", path, bench.address)
    let isEqual = bench.content() == disk
    #expect(isEqual)
  }

  @Test(arguments: [1, 32])
  func `takes what fio writes at a queue depth`(depth: Int) throws {
    let bench = try Bench()
    defer { bench.tearDown() }
    try run(
      "fio",
      "--name=t",
      "--ioengine=nbd",
      "--uri=\(bench.address)",
      "--rw=randwrite",
      "--bsrange=4k-64k",
      "--bs_unaligned",
      "--size=\(Self.size)",
      "--iodepth=\(depth)",
      "--buffer_pattern=0x5a5a5a5a"
    )
    let content = bench.content()
    let isOnlyItsOwn = content.allSatisfy { $0 == 0x5a || $0 == 0xee }
    #expect(isOnlyItsOwn)
    #expect(content.count { $0 == 0x5a } > Self.size / 4)
  }

  @Test func `keeps to the protocol as libnbd's Python sees it`() throws {
    let bench = try Bench()
    defer { bench.tearDown() }
    let script = """
      import nbd
      h = nbd.NBD()
      h.add_meta_context("base:allocation")
      h.connect_uri("\(bench.address)")
      assert h.get_size() == \(Self.size) and not h.is_read_only()
      assert h.can_fast_zero() and h.can_trim() and h.can_fua() and not h.can_multi_conn()
      assert not h.can_cache() and not h.can_meta_context("base:allocation")
      h.pwrite(b"x" * 1000, 3)
      h.pwrite(b"y" * 10, 0, nbd.CMD_FLAG_FUA)
      h.zero(100, 50, nbd.CMD_FLAG_FAST_ZERO | nbd.CMD_FLAG_NO_HOLE)
      h.trim(4096, 8192)
      h.flush()
      h.set_strict_mode(0)
      for bad in (lambda: h.pread(512, 0), lambda: h.cache(512, 0),
                  lambda: h.pwrite(b"z", \(Self.size)), lambda: h.zero(2, \(Self.size - 1))):
          try:
              bad()
          except nbd.Error as error:
              print(error.errno)
          else:
              raise AssertionError("granted")
      h.shutdown()
      """
    let output = try run("python3", "-c", script)
    #expect(output == "EPERM\nEINVAL\nENOSPC\nENOSPC\n")
    var expected = [UInt8](repeating: 0xee, count: Self.size)
    expected.replaceSubrange(3..<1003, with: [UInt8](repeating: 0x78, count: 1000))
    expected.replaceSubrange(0..<10, with: [UInt8](repeating: 0x79, count: 10))
    expected.replaceSubrange(50..<150, with: [UInt8](repeating: 0, count: 100))
    expected.replaceSubrange(8192..<12_288, with: [UInt8](repeating: 0, count: 4096))
    let isEqual = bench.content() == expected
    #expect(isEqual)
  }
}
