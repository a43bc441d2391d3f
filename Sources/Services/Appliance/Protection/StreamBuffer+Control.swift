// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import ReplicationProtocol
internal import ReplicationTransport

// Marks, pauses and what an operator sees.
extension StreamBuffer {
  /// Marks a checkpoint in several streams as of one instant: in all or in none.
  ///
  /// All streams are locked at that instant, always in the given order, so no write can be
  /// acknowledged between two marks. Two callers must give the same order.
  ///
  /// - Returns: Why not, in words for an operator; nil if marked.
  static func mark(
    _ checkpoint: Checkpoint,
    in streams: [(name: StreamIdentifier, buffer: StreamBuffer)],
    resting: [StreamIdentifier] = []
  ) -> String? {
    let tag = Array(checkpoint.tag.utf8)
    guard tag.count <= OutgoingStream.longestTag else {
      return "the tag is longer than \(OutgoingStream.longestTag) bytes"
    }
    for stream in streams { stream.buffer.monitor.lock() }
    defer {
      for stream in streams {
        stream.buffer.monitor.broadcast()
        stream.buffer.monitor.unlock()
      }
    }
    for (index, stream) in streams.enumerated() {
      guard
        let reason = stream.buffer.stream.prepareMark(
          tag,
          isOff: resting.contains(stream.name)
        )
      else { continue }
      for prepared in streams[..<index] { prepared.buffer.stream.abandonMark() }
      return "stream \(stream.name) \(reason)"
    }
    for stream in streams { stream.buffer.stream.appendMark(checkpoint, tag) }
    return nil
  }

  /// While paused, writes are not kept and no sync begins.
  func setPaused(_ isPaused: Bool) {
    monitor.withLock {
      stream.setPaused(isPaused, now: WallTime.ofThisMachine())
      monitor.broadcast()
    }
  }

  /// Writes are not kept from here on, until a sync begins.
  func giveUpOrder(_ reason: String) {
    monitor.withLock {
      stream.loseOrder(reason, now: WallTime.ofThisMachine())
      monitor.broadcast()
    }
  }

  /// Says which volumes the other site has for good; see ``OutgoingStream/settle(_:now:)``.
  func settle(_ volumes: Set<Int>) {
    monitor.withLock {
      stream.settle(volumes, now: WallTime.ofThisMachine())
      monitor.broadcast()
    }
  }

  /// Whether a sync leaves a volume out.
  func rests(_ volume: Int) -> Bool { monitor.withLock { stream.rests(volume) } }

  /// Ends all waits; nothing is kept any more.
  func close() {
    monitor.withLock {
      stream.close(now: WallTime.ofThisMachine())
      monitor.broadcast()
    }
  }

  /// Gives the memory of payloads back, once nobody reads them any more: who still knows the buffer
  /// may keep it for long.
  func giveBackMemory() { monitor.withLock { stream.giveBackMemory() } }

  /// Whether every write is in the stream and nothing else is missing.
  package var isOrdered: Bool { monitor.withLock { stream.mode == .ordered } }

  /// Whether every volume's tap has a connection.
  var hasAllTaps: Bool {
    monitor.withLock { stream.hasAllTaps }
  }

  /// Fills in what the buffer knows of a stream's status.
  func report(into status: inout StreamStatus, volumeNames: [VolumeIdentifier]) {
    let now = WallTime.ofThisMachine()
    monitor.withLock {
      switch stream.mode {
      case .dropping: status.sync = .idle
      case .syncing(let kind): status.sync = kind
      case .ordered: status.sync = .ordered
      }
      status.needsSync = stream.mode != .ordered
      status.generation = stream.generation
      status.isConnected = stream.isLinked
      status.rpoInMilliseconds = stream.ageOfOldestMissing(now: now)
      status.lastSequence = stream.last.rawValue
      status.acknowledgedSequence = stream.acknowledged.rawValue
      status.writeCount = stream.writeCount
      status.writtenByteCount = stream.writtenByteCount
      status.bufferedByteCount = UInt64(stream.heldByteCount)
      status.bufferByteCount = UInt64(stream.capacity)
      status.connectedVolumes = volumeNames.indices.filter { stream.hasTap($0) }
        .map { volumeNames[$0] }
      status.lastError = stream.lastError
      status.remoteCopy = stream.remoteCopy
      status.restingRPOInMilliseconds =
        stream.isAtRest ? stream.ageOfOldestRecord(now: now) : nil
      let lengths = stream.hold.lengths
      status.holds = StreamStatus.Holds(
        count: lengths.count,
        voidCount: lengths.voidCount,
        lastInMicroseconds: lengths.last,
        worstInMicroseconds: lengths.worst
      )
    }
  }
}
