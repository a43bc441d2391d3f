// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal
internal import RecoveryModel
internal import Synchronization

/// One disk on its way into a file.
final class DiskCopy: Sendable {
  private enum Phase: Equatable {
    case waiting
    case running
    case ended
  }

  private struct State {
    var phase = Phase.waiting
    var isUnwanted = false
    var reply = CopyReply()
  }

  /// Read and written at once.
  private static let pieceByteCount = 1 << 20
  /// Bytes whose extents are asked for at once.
  private static let stretchByteCount: UInt64 = 1 << 30

  let request: CopyRequest
  private let disk: PointInTimeDisk
  private let path: String
  private let state = Mutex(State())
  private let running = DispatchGroup()

  init(_ request: CopyRequest, of disk: PointInTimeDisk, to path: String) {
    self.request = request
    self.disk = disk
    self.path = path
  }

  /// The name of a file that is not complete.
  static func temporaryPath(_ path: String) -> String { path + ".tmp" }

  var reply: CopyReply { state.withLock { $0.reply } }

  /// Copies the disk, unless it is not wanted any more.
  func run() {
    let begins = state.withLock { state in
      guard state.phase == .waiting else { return false }
      state.phase = .running
      running.enter()
      return true
    }
    guard begins else { return }
    var failure = ""
    do { try copy() } catch { failure = words(error) }
    state.withLock { state in
      state.phase = .ended
      state.reply.failure = failure
      state.reply.isComplete = failure.isEmpty
    }
    running.leave()
  }

  /// Returns when nothing is written any more.
  func end() {
    state.withLock { state in
      state.isUnwanted = true
      if state.phase == .waiting { state.phase = .ended }
    }
    running.wait()
  }

  private func copy() throws {
    let folder = try FileFolder(path: request.folder)
    let temporary = Self.temporaryPath(path)
    // What a killed appliance left is not gone on with: nobody knows how much of it is durable.
    unlink(temporary)
    let file = try File(path: temporary, creating: true, isDirect: true)
    try file.resize(to: disk.byteCount)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.pieceByteCount,
      alignment: 4096
    )
    defer { buffer.deallocate() }
    var position: UInt64 = 0
    while position < disk.byteCount {
      let count = min(disk.byteCount - position, Self.stretchByteCount)
      for extent in try disk.extents(at: position, count: count, limit: 1024) {
        if !extent.isZero { try copy(position, extent.count, to: file, by: buffer) }
        position += extent.count
      }
      try checkIsWanted()
    }
    try file.sync()
    guard rename(temporary, path) == 0 else {
      throw ControlFailure(
        status: 500,
        message: "cannot make \(path): \(String(cString: strerror(errno)))"
      )
    }
    try folder.sync()
  }

  private func copy(
    _ start: UInt64,
    _ count: UInt64,
    to file: File,
    by buffer: UnsafeMutableRawBufferPointer
  ) throws {
    var position = start
    while position < start + count {
      try checkIsWanted()
      let piece = UnsafeMutableRawBufferPointer(
        rebasing: buffer[..<min(buffer.count, Int(start + count - position))]
      )
      try disk.read(at: position, into: piece)
      try file.write(UnsafeRawBufferPointer(piece), at: position)
      position += UInt64(piece.count)
      state.withLock { $0.reply.copiedByteCount += UInt64(piece.count) }
    }
  }

  private func checkIsWanted() throws {
    if state.withLock({ $0.isUnwanted }) {
      throw ControlFailure(status: 409, message: "the copy was ended")
    }
  }
}
