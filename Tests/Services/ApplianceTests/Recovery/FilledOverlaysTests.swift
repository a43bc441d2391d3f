// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import Testing

@testable import Appliance

/// A raw disk of random bytes, and overlays over it.
private final class OverlayBench {
  static let cluster = Int(OverlayRequest.clusterByteCount)

  let folder: String
  var base: String { folder + "/base.raw" }
  var path: String { folder + "/base.raw.1.restore.qcow2" }
  let overlays = FilledOverlays()
  private(set) var content: [UInt8]

  init(byteCount: Int) throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("us-ovl-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var generator = SystemRandomNumberGenerator()
    let pattern = (0..<4096).map { _ in UInt8.random(in: 1...255, using: &generator) }
    content = (0..<byteCount).map { pattern[$0 % 4096] &+ UInt8(truncatingIfNeeded: $0 >> 12) }
    try Data(content).write(to: URL(filePath: base))
  }

  func tearDown() { try? FileManager.default.removeItem(atPath: folder) }

  func request(_ wanted: ChangesReply.Extent...) -> OverlayRequest {
    OverlayRequest(
      path: path,
      basePath: base,
      baseFormat: "raw",
      byteCount: UInt64(content.count),
      wanted: wanted
    )
  }

  /// Fills clusters with a byte, and notes what the disk is to hold then.
  func fill(_ clusters: Range<Int>, with byte: UInt8) throws {
    let start = clusters.lowerBound * Self.cluster
    let end = min(clusters.upperBound * Self.cluster, content.count)
    try overlays.write(
      OverlayPiece(
        path: path,
        offset: UInt64(start),
        bytes: Data(repeating: byte, count: end - start)
      )
    )
    for index in start..<end { content[index] = byte }
  }

  /// Whether the image is sound and shows what it should.
  func compare(_ image: String, _ format: String) throws {
    let expected = folder + "/expected.raw"
    try Data(content).write(to: URL(filePath: expected))
    if format == "qcow2" { try run("qemu-img", "check", "-f", format, image) }
    try run("qemu-img", "compare", "-f", format, "-F", "raw", image, expected)
  }
}

@Suite struct `Overlays that are filled` {
  @Test(arguments: [1 << 20, (1 << 20) + 512, 3 << 16])
  func `show the disk with the clusters that were put in, in whatever order they came`(
    byteCount: Int
  ) throws {
    let bench = try OverlayBench(byteCount: byteCount)
    defer { bench.tearDown() }
    let last = (byteCount - 1) / OverlayBench.cluster
    _ = try bench.overlays.put(bench.request())
    try bench.fill(last..<last + 1, with: 9)
    try bench.fill(0..<2, with: 7)
    try bench.fill(1..<2, with: 8)
    #expect(!FileManager.default.fileExists(atPath: bench.path))
    try bench.overlays.seal(bench.path)
    try bench.compare(bench.path, "qcow2")
    // It is complete, whoever asks again.
    #expect(try bench.overlays.put(bench.request(.init(offset: 0, count: 1 << 16))).missing.isEmpty)
    try bench.overlays.seal(bench.path)

    try bench.overlays.commit(bench.path)
    try bench.compare(bench.base, "raw")
    try bench.overlays.delete(bench.path)
    try bench.overlays.delete(bench.path)
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder).count == 2)
  }

  @Test func `show the disk alone if nothing was put in`() throws {
    let bench = try OverlayBench(byteCount: 1 << 20)
    defer { bench.tearDown() }
    _ = try bench.overlays.put(bench.request())
    try bench.overlays.seal(bench.path)
    try bench.compare(bench.path, "qcow2")
  }

  @Test func `have tables for disks of any size`() throws {
    let bench = try OverlayBench(byteCount: 1 << 20)
    defer { bench.tearDown() }
    var request = bench.request()
    request.byteCount = 9 << 40
    _ = try bench.overlays.put(request)
    // Far apart, so that each has a table of its own.
    for offset: UInt64 in [0, 5 << 40, (9 << 40) - (1 << 16)] {
      try bench.overlays.write(
        OverlayPiece(path: bench.path, offset: offset, bytes: Data(repeating: 3, count: 1 << 16))
      )
    }
    try bench.overlays.seal(bench.path)
    #expect(try run("qemu-img", "check", "-f", "qcow2", bench.path).contains("No errors"))
    let map = try run("qemu-img", "map", "-f", "qcow2", bench.path)
    #expect(map.split(separator: "\n").count { $0.hasSuffix("restore.qcow2") } == 3, "\(map)")
  }

  @Test func `say what they lack, and begin anew where a killed appliance left one`() throws {
    let bench = try OverlayBench(byteCount: 1 << 20)
    defer { bench.tearDown() }
    let wanted = ChangesReply.Extent(offset: 0, count: 5 << 16)
    #expect(try bench.overlays.put(bench.request(wanted)).missing == [wanted])
    try bench.fill(1..<3, with: 7)
    #expect(
      try bench.overlays.put(bench.request(wanted)).missing == [
        .init(offset: 0, count: 1 << 16), .init(offset: 3 << 16, count: 2 << 16),
      ]
    )
    let others = FilledOverlays()
    #expect(throws: ControlFailure.self) { try others.seal(bench.path) }
    #expect(try others.put(bench.request(wanted)).missing == [wanted])
  }

  @Test func `refuse parts of clusters, and paths that are no overlay's`() throws {
    let bench = try OverlayBench(byteCount: 1 << 20)
    defer { bench.tearDown() }
    _ = try bench.overlays.put(bench.request())
    for (offset, count): (UInt64, Int) in [(512, 1 << 16), (0, 512), (15 << 16, 2 << 16)] {
      #expect(throws: ControlFailure.self) {
        try bench.overlays.write(
          OverlayPiece(path: bench.path, offset: offset, bytes: Data(count: count))
        )
      }
    }
    #expect(throws: ControlFailure.self) { try bench.overlays.delete(bench.base) }
    #expect(throws: ControlFailure.self) {
      var request = bench.request()
      request.path = bench.base
      _ = try bench.overlays.put(request)
    }
    #expect(FileManager.default.fileExists(atPath: bench.base))
  }
}

@Suite struct `Reading a point that nobody holds` {
  @Test func `gives its bytes, and refuses what is not there`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.deliver(
      .write(0, 4096, [UInt8](repeating: 1, count: 4096)),
      .mark(1),
      .write(0, 4096, [UInt8](repeating: 2, count: 4096)),
      .mark(2)
    )
    let volume = try #require(
      try bench.journals.known(RecoveryBench.stream).volumes.first?.identifier
    )
    func read(_ point: UInt64, _ offset: UInt64, _ count: Int) throws -> Data {
      try bench.journals.read(
        PointReadRequest(
          stream: RecoveryBench.stream,
          point: .checkpoint(CheckpointIdentifier(point)),
          volume: volume,
          offset: offset,
          count: count
        )
      ).bytes
    }
    #expect(try read(1, 4000, 200) == Data(count: 96) + Data(repeating: 1, count: 104))
    #expect(try read(2, 4096, 1) == Data([2]))
    for (point, offset, count): (UInt64, UInt64, Int) in [
      (9, 0, 1), (1, (1 << 20) - 1, 2), (1, 0, 0), (1, 0, PointReadRequest.limit + 1),
      (1, .max, 1),
    ] {
      #expect(throws: ControlFailure.self) { try read(point, offset, count) }
    }
  }
}
