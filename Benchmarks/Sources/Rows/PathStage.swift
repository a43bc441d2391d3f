// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import CLZ4
import Foundation
import ReplicationProtocol

/// A stage of the whole path, measured alone.
enum PathStage: String, CaseIterable {
  /// From the writer into the tap's buffer.
  case tap
  /// Checksums and lz4, one thread.
  case packing
  /// TLS, both ends.
  case link
  /// Durable appends of 1 MiB.
  case journal

  /// Bytes of the VM's data in a second.
  func rate(_ data: Sample, _ stage: Stage, _ effort: Effort) async throws -> Double {
    let seconds = effort.seconds / 2
    switch self {
    case .tap: return try await Self.tap(data, stage, seconds)
    case .packing: return Self.pack(data, seconds).bytesPerSecond
    case .link:
      let figures = try Child.figures(
        ["link", Int(seconds * 1000), stage.path("link")],
        stage: stage
      )
      // Data that shrinks puts so much less on the link.
      return (figures.first ?? .nan) * 1e6 * Self.pack(data, 0.1).shrinkage
    case .journal:
      let byteCount = (1 << 30) / effort.divisor
      return try JournalAppend.rate(
        byteCount: byteCount,
        writeSize: NBDWriter.writeSize,
        stage: stage
      ) * 1e6
    }
  }

  private static func tap(_ data: Sample, _ outer: Stage, _ seconds: Double) async throws -> Double
  {
    let stage = try Stage()
    defer { stage.close() }
    let tap = try Tap(byteCount: 1 << 30, stage: stage)
    let writer = try NBDWriter(socketPath: tap.socketPath, export: Tap.export, stage: stage)
    writer.write(data)
    try await Task.sleep(for: .milliseconds(200))
    let (before, began) = (writer.sentByteCount, now())
    try await Task.sleep(for: .milliseconds(Int(seconds * 1000)))
    try writer.check()
    return Double(writer.sentByteCount - before) / (now() - began)
  }

  /// What the sender does to each batch before it goes to the link.
  private static func pack(
    _ data: Sample,
    _ seconds: Double
  ) -> (bytesPerSecond: Double, shrinkage: Double) {
    let batchSize = 1 << 20
    let bound = Int(LZ4_compressBound(Int32(batchSize)))
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: bound, alignment: 64)
    defer { output.deallocate() }
    var choice = AdaptiveCompression()
    var (index, checksum, sent) = (0, UInt32(0), 0)
    let began = now()
    while now() - began < seconds {
      let batch = data.block(index, batchSize)
      index += 1
      for start in stride(from: 0, to: batchSize, by: NBDWriter.writeSize) {
        let end = start + NBDWriter.writeSize
        checksum ^= payloadChecksum(UnsafeRawBufferPointer(rebasing: batch[start..<end]))
      }
      sent += batchSize
      guard choice.shouldTry(byteCount: batchSize) else { continue }
      let count = Int(
        LZ4_compress_default(
          batch.baseAddress,
          output.baseAddress,
          Int32(batchSize),
          Int32(bound)
        )
      )
      if choice.tried(byteCount: batchSize, compressedByteCount: count) {
        sent -= batchSize - count
      }
    }
    precondition(sent > 0 || checksum != 0, "the work must not be optimised away")
    let byteCount = Double(index * batchSize)
    return (byteCount / (now() - began), byteCount / Double(max(sent, 1)))
  }
}
