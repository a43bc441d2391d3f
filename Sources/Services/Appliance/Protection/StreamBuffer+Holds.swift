// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import ReplicationProtocol
internal import ReplicationTransport

// This appliance's streams in a checkpoint over several appliances.
extension StreamBuffer {
  /// Streams of one VPG, in an order that every caller gives.
  typealias Streams = [(name: StreamIdentifier, buffer: StreamBuffer)]

  /// Keeps acknowledgements back in all the streams, from one instant on, or in none.
  ///
  /// - Returns: Why not, in words for an operator; nil if they are held.
  static func hold(
    _ checkpoint: Checkpoint,
    in streams: Streams,
    resting: [StreamIdentifier] = [],
    limitInMicroseconds limit: Int64
  ) -> String? {
    guard checkpoint.tag.utf8.count <= OutgoingStream.longestTag else {
      return "the tag is longer than \(OutgoingStream.longestTag) bytes"
    }
    return locked(streams) { now in
      for (index, stream) in streams.enumerated() {
        let reason = stream.buffer.stream.beginHold(
          checkpoint,
          now: now,
          limit: limit,
          isOff: resting.contains(stream.name)
        )
        guard let reason else { continue }
        for held in streams[..<index] {
          held.buffer.stream.endHold(checkpoint.identifier, now: now)
        }
        return "stream \(stream.name) \(reason)"
      }
      return nil
    }
  }

  /// Lets go in all the streams, with the mark in all of them or in none.
  ///
  /// - Returns: Why there is no mark, in words for an operator; nil if it is in all of them.
  static func release(
    _ checkpoint: CheckpointIdentifier,
    in streams: Streams,
    keepsMark: Bool
  ) -> String? {
    locked(streams) { now in
      let isMade = streams.allSatisfy {
        $0.buffer.stream.hold.standing(of: checkpoint, now: now) == .made
      }
      if isMade { return nil }
      let reason =
        keepsMark
        ? prepareMarks(checkpoint, in: streams, now: now) : "the checkpoint was abandoned"
      for stream in streams {
        if reason == nil {
          stream.buffer.stream.endHoldWithMark(now: now)
        } else {
          stream.buffer.stream.endHold(checkpoint, now: now)
        }
      }
      return reason
    }
  }

  private static func prepareMarks(
    _ checkpoint: CheckpointIdentifier,
    in streams: Streams,
    now: Int64
  ) -> String? {
    for (index, stream) in streams.enumerated() {
      guard let reason = stream.buffer.stream.prepareHeldMark(checkpoint, now: now) else {
        continue
      }
      for prepared in streams[..<index] { prepared.buffer.stream.abandonMark() }
      return "stream \(stream.name) \(reason)"
    }
    return nil
  }

  /// Runs `body` with all the streams locked and the time they were all locked at, and wakes who
  /// waits for any of them.
  private static func locked<Result>(_ streams: Streams, _ body: (Int64) -> Result) -> Result {
    for stream in streams { stream.buffer.monitor.lock() }
    defer {
      for stream in streams {
        stream.buffer.monitor.broadcast()
        stream.buffer.monitor.unlock()
      }
    }
    return body(Monitor.microseconds())
  }

  /// Blocks while a record's acknowledgement is kept back, at most until the hold ends by itself.
  func waitWhileHeld(_ sequence: SequenceNumber) {
    monitor.lock()
    defer { monitor.unlock() }
    guard stream.hold.deadline(for: sequence) != nil else { return }
    let began = Monitor.microseconds()
    waiterCount += 1
    while let deadline = stream.hold.deadline(for: sequence) {
      _ = monitor.wait(until: (deadline + 999) / 1000)
      stream.expireHold(now: Monitor.microseconds())
    }
    waiterCount -= 1
    stream.waitedForHold(microseconds: Monitor.microseconds() - began)
  }
}
