// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import Synchronization

/// A VM that writes 64 KiB after 64 KiB to a tap, as fast as it is let.
///
/// `@unchecked Sendable`: what both sides use is atomic; the rest is the thread's alone.
final class NBDWriter: @unchecked Sendable {
  static let writeSize = 64 << 10
  private static let depth = 16

  private let connection: UnixConnection
  private let byteCount: Int
  private let sample = Mutex<Sample?>(nil)
  private let sent = Atomic<Int>(0)
  private let isHeldBack = Atomic<Bool>(true)
  private let pace = Atomic<Int>(0)
  private let bound = Atomic<Int>(Int.max)
  private let hasFailed = Atomic<Bool>(false)
  private let isClosing = Atomic<Bool>(false)
  private let isOver = Atomic<Bool>(false)

  /// Connects to an export; nothing is written before ``write(_:bytesPerSecond:)``.
  init(socketPath: String, export: String, stage: Stage) throws {
    connection = try UnixConnection(socketPath)
    byteCount = try Self.handshake(on: connection, export: export)
    let thread = Thread { [self] in
      do { try run() } catch { hasFailed.store(true, ordering: .relaxed) }
      isOver.store(true, ordering: .releasing)
    }
    thread.start()
    stage.onClose { [self] in close() }
  }

  /// Bytes sent since the beginning.
  var sentByteCount: Int { sent.load(ordering: .relaxed) }

  /// Writes such data from now on; without a pace, as fast as it can.
  func write(_ data: Sample, bytesPerSecond: Double = 0) {
    sample.withLock { $0 = data }
    pace.store(Int(bytesPerSecond), ordering: .relaxed)
    isHeldBack.store(false, ordering: .relaxed)
  }

  /// Lets nothing more be written until ``write(_:bytesPerSecond:)``.
  func holdBack() { isHeldBack.store(true, ordering: .relaxed) }

  /// Lets ``sentByteCount`` grow up to here and no further.
  func limit(to byteCount: Int) { bound.store(byteCount, ordering: .relaxed) }

  /// Fails if the connection was lost.
  func check() throws {
    if hasFailed.load(ordering: .relaxed) { throw BenchError("the tap closed the connection") }
  }

  /// Ends the connection; again has no effect.
  func close() {
    isClosing.store(true, ordering: .relaxed)
    connection.shutDown()
    while !isOver.load(ordering: .acquiring) { usleep(1000) }
  }

  private func run() throws {
    let request = UnsafeMutableRawBufferPointer.allocate(byteCount: 28, alignment: 8)
    let replies = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * Self.depth, alignment: 8)
    defer {
      request.deallocate()
      replies.deallocate()
    }
    var index = 0
    var underway = 0
    var unreadCount = 0
    var (paced, began) = (0, now())
    while true {
      let rate = pace.load(ordering: .relaxed)
      let isAhead = rate > 0 && Double(paced) > (now() - began) * Double(rate)
      let mayWrite =
        !isHeldBack.load(ordering: .relaxed) && !isAhead
        && sentByteCount < bound.load(ordering: .relaxed)
      if !mayWrite, underway == 0 {
        // A pause is not made good for afterwards.
        if !isAhead { (paced, began) = (0, now()) }
        if isClosing.load(ordering: .relaxed) { return }
        usleep(500)
        continue
      }
      if mayWrite, underway < Self.depth, let data = sample.withLock({ $0 }) {
        try send(index, data, request)
        index += 1
        underway += 1
        paced += Self.writeSize
        if underway < Self.depth { continue }
      }
      unreadCount += try connection.receive(into: replies)
      underway -= unreadCount / 16
      unreadCount %= 16
    }
  }

  private func send(
    _ index: Int,
    _ data: Sample,
    _ header: UnsafeMutableRawBufferPointer
  ) throws {
    let request = NBDRequest(
      .write,
      cookie: UInt64(index),
      offset: UInt64(index * Self.writeSize % byteCount),
      length: UInt32(Self.writeSize)
    )
    var bytes = header.mutableBytes
    request.encode(into: &bytes)
    try connection.send(UnsafeRawBufferPointer(header))
    try connection.send(data.block(index, Self.writeSize))
    sent.add(Self.writeSize, ordering: .relaxed)
  }

  /// - Returns: The export's size.
  private static func handshake(on connection: UnixConnection, export: String) throws -> Int {
    var machine = NBDClientHandshake(exportName: export)
    var step = machine.begin()
    while true {
      if !step.message.isEmpty { try connection.send(step.message) }
      switch step.next {
      case .receive(let count): step = machine.received(try connection.receive(count: count))
      case .transmit(let session): return Int(session.export.byteCount)
      case .close(let failure): throw BenchError("no export \(export): \(failure)")
      }
    }
  }
}
