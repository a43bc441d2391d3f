// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import Testing

@testable import NBDTransport

/// Writes, zeroes and discards at random, as `fsx` does to a file, and knows what the disk holds.
///
/// Sizes and places are single bytes, sectors and blocks; everything follows from one seed.
struct DiskExerciser {
  private(set) var content: [UInt8]
  private var generator: SystemSeed

  init(content: [UInt8], seed: UInt64) {
    self.content = content
    generator = SystemSeed(state: seed)
  }

  /// Does one thing to the disk; reads and compares now and then if the disk can be read.
  mutating func step(on disk: GuestDisk, isReadable: Bool) throws {
    let unit = [1, 1, 512, 512, 4096].randomElement(using: &generator) ?? 1
    let count = Int.random(in: 1...(65_536 / unit), using: &generator) * unit
    let start = Int.random(in: 0...(content.count - count) / unit, using: &generator) * unit
    let range = start..<(start + count)
    switch Int.random(in: 0..<8, using: &generator) {
    case 0:
      try disk.request(.writeZeroes, range)
      content.replaceSubrange(range, with: repeatElement(0, count: count))
    case 1 where !isReadable:
      // What QEMU's mirror never does, but a tap may be asked for.
      try disk.request(.trim, range)
      content.replaceSubrange(range, with: repeatElement(0, count: count))
    case 1, 2:
      guard isReadable else { return try disk.request(.flush, 0..<0) }
      let found = try disk.read(range)
      #expect(found == Array(content[range]), "\(range)")
    case 3:
      // Zeroes that come as data.
      try write([UInt8](repeating: 0, count: count), at: start, to: disk)
    default:
      let seed = UInt8.random(in: 1 ... .max, using: &generator)
      try write((0..<count).map { UInt8(truncatingIfNeeded: $0 >> 3) &+ seed }, at: start, to: disk)
    }
  }

  private mutating func write(_ bytes: [UInt8], at start: Int, to disk: GuestDisk) throws {
    try disk.request(.write, start..<(start + bytes.count), payload: bytes)
    content.replaceSubrange(start..<(start + bytes.count), with: bytes)
  }

  /// Reads all of an export in pieces of any size and compares it with what it should hold.
  mutating func expect(_ expected: [UInt8], of disk: GuestDisk, _ what: Comment) throws {
    var start = 0
    while start < expected.count {
      let count = min(Int.random(in: 1...100_000, using: &generator), expected.count - start)
      let found = try disk.read(start..<(start + count))
      try #require(found == Array(expected[start..<(start + count)]), what)
      start += count
    }
  }
}

/// Random numbers that are the same for the same seed (SplitMix64).
private struct SystemSeed: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension GuestDisk {
  /// Sends a request and waits for its reply.
  func request(
    _ command: NBDCommand,
    _ range: Range<Int>,
    payload: [UInt8] = [],
    isAnswered: Bool = true
  ) throws {
    var bytes = [UInt8](repeating: 0, count: NBDRequest.encodedByteCount)
    var span = bytes.mutableSpan
    var writable = span.mutableBytes
    NBDRequest(command, cookie: 7, offset: UInt64(range.lowerBound), length: UInt32(range.count))
      .encode(into: &writable)
    try socket.send(bytes + payload)
    guard isAnswered else { return }
    let reply = try socket.receive(byteCount: NBDSimpleReply.encodedByteCount)
    guard let decoded = NBDSimpleReply(decoding: reply.span.bytes) else {
      throw NBDErrorCode.inputOutput
    }
    if let error = decoded.error { throw error }
  }

  func read(_ range: Range<Int>) throws -> [UInt8] {
    try request(.read, range)
    return try socket.receive(byteCount: range.count)
  }
}
