// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import ReplicationProtocol
internal import ReplicationTransport

// Marks, pauses and what an operator sees.
extension StreamBuffer {
  /// The longest tag of a checkpoint, in bytes.
  static let longestTag = 1024

  /// Marks a checkpoint in several streams as of one instant: in all or in none.
  ///
  /// All streams are locked at that instant, always in the given order, so no write can be
  /// acknowledged between two marks. Two callers must give the same order.
  ///
  /// - Returns: Why not, in words for an operator; nil if marked.
  static func mark(
    _ checkpoint: Checkpoint,
    in streams: [(name: StreamIdentifier, buffer: StreamBuffer)]
  ) -> String? {
    let tag = Array(checkpoint.tag.utf8)
    guard tag.count <= longestTag else { return "the tag is longer than \(longestTag) bytes" }
    for stream in streams { stream.buffer.monitor.lock() }
    defer {
      for stream in streams {
        stream.buffer.monitor.broadcast()
        stream.buffer.monitor.unlock()
      }
    }
    for (index, stream) in streams.enumerated() {
      guard let reason = stream.buffer.prepareMark(tag) else { continue }
      for prepared in streams[..<index] { prepared.buffer.sideRing.abandon() }
      return "stream \(stream.name) \(reason)"
    }
    for stream in streams { stream.buffer.appendMark(checkpoint, tag) }
    return nil
  }

  /// Makes sure that a mark has room.
  ///
  /// The lock is held.
  private func prepareMark(_ tag: [UInt8]) -> String? {
    guard mode == .ordered else { return "is not in order: it needs or is in a sync" }
    guard records.hasRoom(for: 1) else { return "has no room for a mark" }
    guard !tag.isEmpty else { return nil }
    guard let room = sideRing.reserve(tag.count) else { return "has no room for the tag" }
    room.copyBytes(from: tag)
    return nil
  }

  private func appendMark(_ checkpoint: Checkpoint, _ tag: [UInt8]) {
    let place = tag.isEmpty ? nil : sideRing.commit()
    append(
      .mark,
      time: checkpoint.time,
      offset: checkpoint.identifier.number,
      length: UInt32(tag.count),
      checksum: tag.withUnsafeBytes { payloadChecksum($0) },
      ring: sideRingNumber,
      payloadStart: place?.start ?? 0,
      freedThrough: place?.end
    )
  }

  /// While paused, writes are not kept and no sync begins.
  func setPaused(_ isPaused: Bool) {
    monitor.withLock {
      self.isPaused = isPaused
      if isPaused { loseOrder("replication is paused") }
      monitor.broadcast()
    }
  }

  /// Ends all waits; nothing is kept any more.
  func close() {
    monitor.withLock {
      isClosed = true
      loseOrder("the stream is being ended")
      monitor.broadcast()
    }
  }

  /// Whether every write is in the stream and nothing else is missing.
  var isOrdered: Bool { monitor.withLock { mode == .ordered } }

  /// Whether every volume's tap has a connection.
  var hasAllTaps: Bool {
    monitor.withLock { volumes.allSatisfy { $0.owner != nil } }
  }

  /// Fills in what the buffer knows of a stream's status.
  func report(into status: inout StreamStatus, volumeNames: [VolumeIdentifier]) {
    let now = WallTime.ofThisMachine()
    monitor.withLock {
      switch mode {
      case .dropping: status.sync = .idle
      case .syncing(let kind): status.sync = kind
      case .ordered: status.sync = .ordered
      }
      status.needsSync = mode == .dropping
      status.isConnected = isLinked
      // Marks carry the manager's time, which may be ahead of this machine's.
      let oldest = min(records.oldest?.record.time ?? now, missingSince ?? now)
      status.rpoInMilliseconds = max(0, now.milliseconds - oldest.milliseconds)
      status.lastSequence = records.last.rawValue
      status.acknowledgedSequence = records.base.rawValue
      status.writeCount = writeCount
      status.writtenByteCount = writtenByteCount
      status.bufferedByteCount = UInt64(
        volumes.reduce(sideRing.usedByteCount) { $0 + $1.ring.usedByteCount }
      )
      status.bufferByteCount = UInt64(
        volumes.reduce(sideRing.capacity) { $0 + $1.ring.capacity }
      )
      status.connectedVolumes = zip(volumeNames, volumes).compactMap { name, volume in
        volume.owner == nil ? nil : name
      }
      status.lastError = lastError
    }
  }
}
