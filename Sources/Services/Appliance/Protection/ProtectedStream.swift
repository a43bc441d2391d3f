// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Logging
internal import RecoveryModel
internal import ReplicationTransport

/// One VM's stream to one other site: its part in the VM's tap, its buffer, its way there, and its
/// syncs.
///
/// Methods may block for some hundred milliseconds and are called by one thread at a time, except
/// ``status()``.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
final class ProtectedStream: @unchecked Sendable {
  let name: StreamIdentifier
  let buffer: StreamBuffer
  let tap: VMTap
  private let context: ProtectionContext
  private let logger: Logger
  private let monitor = Monitor()
  private var request: ProtectRequest
  private var sender: StreamSender
  private var engine: SyncEngine?
  private var lastSync: SyncRequest?
  /// Bytes that senders of this stream sent that are gone.
  private var earlierSentByteCount: UInt64 = 0

  /// Joins the VM's tap.
  init(
    name: StreamIdentifier,
    request: ProtectRequest,
    tap: VMTap,
    context: ProtectionContext
  ) throws {
    self.name = name
    self.tap = tap
    var request = request
    // The buffer counts the volumes in the order of their numbers.
    request.volumes.sort { $0.number < $1.number }
    self.request = request
    self.context = context
    var logger = context.logger
    logger[metadataKey: "stream"] = "\(name)"
    self.logger = logger
    let buffer = StreamBuffer(
      volumeSizes: request.volumeSizes,
      byteCount: min(request.bufferByteCount, context.largestBuffer)
    )
    buffer.setPaused(request.isPaused)
    buffer.settle(request.settledIndices)
    self.buffer = buffer
    sender = try Self.makeSender(name, request, buffer, context, logger)
    tap.join(buffer, request.volumes)
    sender.start()
  }

  private static func makeSender(
    _ name: StreamIdentifier,
    _ request: ProtectRequest,
    _ buffer: StreamBuffer,
    _ context: ProtectionContext,
    _ logger: Logger
  ) throws -> StreamSender {
    try StreamSender(
      stream: name,
      settings: StreamSender.Settings(
        host: request.remoteHost,
        port: request.remotePort,
        site: request.remoteSite,
        compression: request.compression,
        priority: request.priority
      ),
      identity: context.identity,
      trust: context.trust,
      source: buffer,
      limiter: context.limiter,
      refusals: context.refusals,
      logger: logger
    )
  }

  /// Whether the taps can stay when the stream is to become what `other` says.
  func canBecome(_ other: ProtectRequest) -> Bool {
    let now = monitor.withLock { request }
    return now.volumes == other.volumes && now.vm == other.vm
  }

  /// Changes the VPG, destination, compression, priority or pause while the taps stay.
  ///
  /// A new buffer size holds for the next buffer.
  func become(_ other: ProtectRequest) throws {
    let (now, old) = monitor.withLock { (request, sender) }
    guard now != other else { return }
    if now.isPaused != other.isPaused { buffer.setPaused(other.isPaused) }
    if now.settled != other.settled {
      var sorted = other
      sorted.volumes = now.volumes
      buffer.settle(sorted.settledIndices)
    }
    if now.priority != other.priority { old.setPriority(other.priority) }
    let isSameWay =
      now.remoteHost == other.remoteHost && now.remotePort == other.remotePort
      && now.remoteSite == other.remoteSite && now.compression == other.compression
    if !isSameWay {
      let new = try Self.makeSender(name, other, buffer, context, logger)
      old.stop()
      monitor.withLock {
        earlierSentByteCount += old.bytesSent
        sender = new
      }
      new.start()
    }
    monitor.withLock { request = other }
  }

  /// Begins a sync by maps of changes; see ``BeginSyncRequest``.
  func beginSync(_ wish: BeginSyncRequest) throws(ControlFailure) -> BeginSyncReply {
    guard buffer.hasAllTaps else {
      throw ControlFailure(status: 409, message: "not every disk of the VM has its tap connected")
    }
    let floor = SequenceNumber(wish.changesFloor)
    return BeginSyncReply(
      generation: try buffer.beginSync(usingChangesSince: floor, isWhole: wish.isWhole)
    )
  }

  /// Begins a sync, unless the same one runs already or nothing needs one and none is forced.
  func sync(_ wish: SyncRequest) throws(ControlFailure) {
    let (request, running, last) = monitor.withLock { (self.request, engine, lastSync) }
    guard !request.isPaused else {
      throw ControlFailure(status: 409, message: "replication of this VM is paused")
    }
    guard buffer.hasAllTaps else {
      throw ControlFailure(status: 409, message: "not every disk of the VM has its tap connected")
    }
    if last == wish && running?.isRunning == true { return }
    if buffer.isOrdered {
      guard wish.isForced else { return }
      // Until the sync is through nothing is believed of what the other site has.
      buffer.giveUpOrder("a sync was asked for")
    }
    if let generation = wish.generation, !buffer.isCurrent(generation) {
      throw ControlFailure(status: 409, message: "the stream has lost its order again")
    }
    running?.cancel()
    let new = SyncEngine(
      request: wish,
      volumes: request.volumes,
      buffer: buffer,
      logger: logger
    ) { [weak self] in
      self.flatMap { stream in stream.monitor.withLock { stream.sender } }
    }
    monitor.withLock {
      engine = new
      lastSync = wish
    }
    do {
      try new.start()
    } catch {
      throw ControlFailure(status: 500, message: "\(error)")
    }
  }

  func status() -> StreamStatus {
    let (request, sender, engine, earlier) = monitor.withLock {
      (self.request, self.sender, self.engine, earlierSentByteCount)
    }
    var status = StreamStatus(
      stream: name,
      vpg: request.vpg,
      sync: .idle,
      needsSync: true,
      syncProgress: engine?.progress ?? 0,
      isConnected: false,
      rpoInMilliseconds: 0,
      lastSequence: 0,
      acknowledgedSequence: 0,
      writeCount: 0,
      writtenByteCount: 0,
      sentByteCount: earlier + sender.bytesSent,
      bufferedByteCount: 0,
      bufferByteCount: 0,
      connectedVolumes: [],
      lastError: ""
    )
    // Asked before the buffer is: one that is over has left the buffer as it is to be seen.
    let isSyncing = engine?.isRunning == true
    status.syncReadByteCount = engine?.readByteCount ?? 0
    buffer.report(into: &status, volumeNames: request.volumes.map(\.identifier))
    status.comparedByteCounts = engine?.comparedByteCounts(in: status.generation) ?? [:]
    // A sync that runs, or waits to begin, is not to be asked for again.
    if isSyncing { status.needsSync = false }
    return status
  }

  /// Leaves the tap, which goes on for the VM's other streams, and ends everything else.
  func close() {
    buffer.close()
    tap.leave(buffer)
    let (engine, sender) = monitor.withLock { (self.engine, self.sender) }
    sender.stop()
    engine?.cancel()
    buffer.giveBackMemory()
  }
}
