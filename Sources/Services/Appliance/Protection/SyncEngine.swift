// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Crypto
internal import Logging
internal import NBDTransport
internal import RecoveryModel
internal import ReplicationProtocol
internal import ReplicationTransport

/// One sync of one stream, on a thread of its own: compares the disks, or what maps name of them,
/// with the other site's copy by hashes and puts what differs into the stream, while the guest
/// goes on writing.
///
/// A lost link is waited for, and the sync goes on where it was. When the stream loses its order
/// the sync begins anew; one by maps of changes ends, for what was written since is in newer maps.
/// When the disks cannot be read it ends and the stream needs another.
///
/// `@unchecked Sendable`: the monitor guards progress and cancellation; all else is the thread's.
final class SyncEngine: @unchecked Sendable {
  private static let blockSize = 64 << 10
  private static let stepByteCount = 1 << 20
  /// Pieces whose hashes are asked for ahead: changes are small pieces, and links are long.
  private static let lookahead = 32
  /// The longest wait for hashes while the link is up.
  private static let answerMilliseconds: Int64 = 60_000
  /// Time between an order lost and the next attempt.
  private static let pauseMilliseconds: Int64 = 500

  private let request: SyncRequest
  private let volumes: [ProtectRequest.Volume]
  private let buffer: StreamBuffer
  private let sender: @Sendable () -> StreamSender?
  private let logger: Logger
  private let monitor = Monitor()
  private var doneFraction = 0.0
  /// How far the disks are compared, in which generation of the stream.
  private var compared: (generation: UInt64, byteCounts: [VolumeIdentifier: UInt64])?
  private var readBytes: UInt64 = 0
  private var isCancelled = false
  private var isOver = false
  private var thread: BlockingThread?
  private let zeroHash = [UInt8](repeating: 0, count: SyncEngine.blockSize)
    .withUnsafeBytes { SHA256.firstHalf(of: $0) }

  /// Makes a sync that does nothing yet; `sender` tells the stream's sender of the moment.
  init(
    request: SyncRequest,
    volumes: [ProtectRequest.Volume],
    buffer: StreamBuffer,
    logger: Logger,
    sender: @escaping @Sendable () -> StreamSender?
  ) {
    self.request = request
    self.volumes = volumes
    self.buffer = buffer
    self.logger = logger
    self.sender = sender
  }

  /// The share of the disks that is compared, 0...1.
  var progress: Double { monitor.withLock { doneFraction } }
  /// How far each disk is compared, in bytes from its start, by a sync of the disks as a whole.
  ///
  /// What differed is in the stream of that generation; of another one nothing is known.
  func comparedByteCounts(in generation: UInt64) -> [VolumeIdentifier: UInt64] {
    monitor.withLock {
      compared.flatMap { $0.generation == generation ? $0.byteCounts : nil } ?? [:]
    }
  }

  /// Bytes read from the disks.
  var readByteCount: UInt64 { monitor.withLock { readBytes } }
  var isRunning: Bool { monitor.withLock { !isOver } }

  func start() throws {
    let thread = try BlockingThread(name: "sync") { [self] in
      run()
      monitor.withLock { isOver = true }
    }
    monitor.withLock { self.thread = thread }
  }

  /// Ends the sync, unless it is through, and waits for its thread.
  func cancel() {
    let thread = monitor.withLock {
      isCancelled = true
      monitor.broadcast()
      return self.thread
    }
    buffer.monitor.withLock { buffer.monitor.broadcast() }
    thread?.join()
  }

  private func wasCancelled() -> Bool { monitor.withLock { isCancelled } }

  // MARK: The thread

  private func run() {
    while true {
      do throws(SyncInterruption) {
        let generation: UInt64 =
          if let begun = request.generation { begun } else {
            try buffer.beginSync(isCancelled: wasCancelled)
          }
        logger.info("a sync begins")
        do {
          try sync(generation)
          logger.info("the sync is through")
          return
        } catch let interruption as SyncInterruption {
          buffer.failSync(generation: generation, "the sync was interrupted")
          throw interruption
        } catch {
          logger.error("the sync failed", metadata: ["reason": "\(error)"])
          return buffer.failSync(generation: generation, "the sync failed: \(error)")
        }
      } catch {
        guard error == .orderLost, request.generation == nil, !request.isAskedAgain,
          buffer.hasAllTaps
        else { return }
        pause()
      }
    }
  }

  private func pause() {
    let deadline = Monitor.now() + Self.pauseMilliseconds
    monitor.withLock {
      while !isCancelled, monitor.wait(until: deadline) {}
    }
  }

  private func sync(_ generation: UInt64) throws {
    let disks = try openDisks()
    defer { for disk in disks { disk?.close() } }
    let bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.stepByteCount,
      alignment: 4096
    )
    defer { bytes.deallocate() }
    var plan = SyncPlan(
      ranges: try zip(disks, volumes).map { try $0?.changed(of: $1.byteCount) ?? [] },
      stepByteCount: Self.stepByteCount,
      lookahead: Self.lookahead,
      wholeByteCount: goesOn
        ? zip(disks, volumes).reduce(0) { $0 + ($1.0 == nil ? 0 : $1.1.byteCount) } : nil
    )
    var tickets: [HashTicket] = []
    monitor.withLock {
      doneFraction = plan.progress
      readBytes = 0
    }
    while true {
      while let step = plan.ask() { tickets.append(ask(step)) }
      guard let step = plan.current, let disk = disks[step.volume] else { break }
      do {
        let hashes = try answer(to: tickets[0])
        try compare(step, hashes, disk, bytes, generation)
        tickets.removeFirst()
        plan.finish()
        note(plan, generation)
      } catch StreamSenderError.linkLost {
        plan.forgetQuestions()
        tickets = []
        try buffer.waitForLink(generation: generation, isCancelled: wasCancelled)
      }
    }
    try buffer.endSync(generation: generation, isCancelled: wasCancelled)
  }

  /// Whether an interrupted sync goes on: maps tell of a part of the disks only.
  private var goesOn: Bool {
    volumes.contains {
      request.changes[$0.identifier] != nil
        && (request.known[$0.identifier] ?? $0.byteCount) < $0.byteCount
    }
  }

  private func note(_ plan: borrowing SyncPlan, _ generation: UInt64) {
    let fraction = plan.progress
    var byteCounts: [VolumeIdentifier: UInt64] = [:]
    // Maps that a sync goes by cannot be replaced while it reads by them.
    if request.changes.isEmpty {
      for (index, volume) in volumes.enumerated() {
        byteCounts[volume.identifier] =
          plan.comparedByteCount(of: index, size: volume.byteCount)
      }
    }
    monitor.withLock {
      doneFraction = fraction
      compared = (generation, byteCounts)
    }
  }

  private func ask(_ step: SyncPlan.Step) -> HashTicket {
    guard let sender = sender() else { return .lost }
    return sender.beginHashes(
      volume: volumes[step.volume].number,
      at: step.offset,
      blockSize: Self.blockSize,
      count: step.blockCount(of: Self.blockSize)
    )
  }

  /// Waits for an answer, and looks around meanwhile.
  private func answer(to ticket: HashTicket) throws -> [BlockHash] {
    let deadline = Monitor.now() + Self.answerMilliseconds
    while Monitor.now() < deadline {
      if let hashes = try ticket.wait(atMost: 200) { return hashes }
      if wasCancelled() { throw SyncInterruption.cancelled }
    }
    throw SyncFailure.noAnswer
  }

  /// The disks in the order of the volumes; nil for those that rest.
  private func openDisks() throws -> [SyncDisk?] {
    var disks: [SyncDisk?] = []
    do {
      for (index, volume) in volumes.enumerated() {
        guard !buffer.rests(index) else {
          disks.append(nil)
          continue
        }
        guard let name = request.exportNames[volume.identifier] else {
          throw SyncFailure.noExport(volume.identifier)
        }
        let disk = try SyncDisk(
          socketPath: request.pullSocketPath,
          exportName: name,
          changes: request.changes[volume.identifier],
          knownByteCount: request.known[volume.identifier] ?? volume.byteCount,
          blockSize: Self.blockSize
        )
        disks.append(disk)
        guard disk.byteCount >= volume.byteCount else {
          throw SyncFailure.tooSmall(volume.identifier, disk.byteCount, volume.byteCount)
        }
      }
    } catch {
      for disk in disks { disk?.close() }
      throw error
    }
    return disks
  }

  /// Reads one piece and appends the blocks that differ.
  ///
  /// What the guest writes to the piece from before the read until the last block is appended is
  /// left out of it.
  private func compare(
    _ step: SyncPlan.Step,
    _ hashes: [BlockHash],
    _ disk: SyncDisk,
    _ memory: UnsafeMutableRawBufferPointer,
    _ generation: UInt64
  ) throws {
    guard hashes.count == step.blockCount(of: Self.blockSize) else {
      throw SyncFailure.wrongAnswer
    }
    let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[..<step.byteCount])
    defer { buffer.stopWatching(volume: step.volume) }
    var isWhole = false
    while !isWhole {
      isWhole = true
      buffer.watch(
        volume: step.volume,
        range: step.offset..<step.offset + UInt64(step.byteCount)
      )
      let holes = try disk.read(at: step.offset, into: bytes)
      monitor.withLock { readBytes += disk.takeReadByteCount() }
      for (index, hash) in hashes.enumerated() {
        let start = index * Self.blockSize
        let block = UnsafeRawBufferPointer(
          rebasing: bytes[start..<min(start + Self.blockSize, step.byteCount)]
        )
        let isEqual =
          holes[index] && block.count == Self.blockSize
          ? hash == zeroHash : hash == SHA256.firstHalf(of: block)
        if isEqual { continue }
        isWhole = try buffer.appendPulled(
          volume: step.volume,
          offset: step.offset + UInt64(start),
          bytes: block,
          generation: generation,
          isCancelled: wasCancelled
        )
        if !isWhole { break }
      }
    }
  }
}

/// Why a sync cannot be done.
private enum SyncFailure: Error, CustomStringConvertible {
  case noExport(VolumeIdentifier)
  case tooSmall(VolumeIdentifier, UInt64, UInt64)
  case wrongAnswer
  case noAnswer

  var description: String {
    switch self {
    case .noExport(let volume): "no export of disk \(volume) is given"
    case .tooSmall(let volume, let actual, let expected):
      "disk \(volume) has \(actual) bytes, not \(expected)"
    case .noAnswer: "the other site does not answer a question for hashes"
    case .wrongAnswer: "the other site answered with a wrong number of hashes"
    }
  }
}

extension SHA256 {
  /// What the other site compares by.
  fileprivate static func firstHalf(of block: UnsafeRawBufferPointer) -> BlockHash {
    hash(data: block).withUnsafeBytes { BlockHash(firstHalfOf: $0) }
  }
}
