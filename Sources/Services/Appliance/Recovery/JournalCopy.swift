// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal

/// Copies a stream's journal and replicas to other places.
///
/// Most of it while the journal is in use: its replicas are held as they are, and a segment that
/// has an index does not change. What is left is copied once the journal is closed.
struct JournalCopy {
  let request: JournalRequest
  let to: JournalPlaces
  let source: FileFolder
  let target: FileFolder
  let journal: StreamJournal
  let move: JournalMove

  private static let segmentSuffix = ".journal"
  private static let indexSuffix = ".index"
  /// So few segments may be left to be copied while nobody can write.
  private static let lastSegmentCount = 2
  /// How often is looked for new segments at most: a copy may be slower than the writes.
  private static let roundLimit = 16

  private var movesJournal: Bool { source.path != target.path }

  /// The volumes whose replicas are to be elsewhere, and where.
  private var replicas: [(volume: JournalRequest.Volume, path: String)] {
    zip(request.volumes, to.replicas).filter { $0.replicaPath != $1 }.map { ($0, $1) }
  }

  /// Copies what does not change any more, at leisure.
  func ahead() throws {
    let byteCount = try replicas.reduce(0) { sum, replica in
      sum + (try file(replica.volume.replicaPath).allocatedByteCount())
    }
    move.begin(byteCount: byteCount + (try movesJournal ? settledByteCount() : 0))
    for (volume, path) in replicas {
      _ = try FileFolder(path: (path as NSString).deletingLastPathComponent)
      try copy(
        volume.replicaPath,
        to: path,
        isThick: volume.isThick ?? false,
        isUrgent: false
      )
    }
    guard movesJournal else { return }
    for _ in 0..<Self.roundLimit {
      let names = try remaining().filter { $0.isSettled }
      try copy(names.map(\.name), isUrgent: false)
      guard names.count > Self.lastSegmentCount * 2 else { return }
    }
  }

  /// Copies the rest of a journal that is closed.
  func finish() throws {
    guard movesJournal else { return }
    try copy(remaining().map(\.name), isUrgent: true)
    try target.sync()
  }

  /// The journal's files that are not at the new place yet, each segment before its index and the
  /// state last.
  ///
  /// An index that is there says that its segment is. Files that hold nothing are not missed.
  private func remaining() throws -> [(name: String, isSettled: Bool)] {
    let names = Set(try source.list())
    let there = Set(try target.list())
    var result: [(name: String, isSettled: Bool)] = []
    for name in names.sorted() where name.hasSuffix(Self.segmentSuffix) {
      let index = String(name.dropLast(Self.segmentSuffix.count)) + Self.indexSuffix
      guard names.contains(index) else {
        result.append((name, false))
        continue
      }
      if there.contains(index) { continue }
      result.append((name, true))
      result.append((index, true))
    }
    if names.contains("state") { result.append(("state", false)) }
    return result
  }

  private func settledByteCount() throws -> UInt64 {
    try remaining().filter(\.isSettled).reduce(0) { sum, item in
      sum + (try file(source.path + "/" + item.name).allocatedByteCount())
    }
  }

  private func copy(_ names: [String], isUrgent: Bool) throws {
    for name in names {
      try copy(
        source.path + "/" + name,
        to: target.path + "/" + name,
        isThick: false,
        isUrgent: isUrgent
      )
    }
  }

  /// Copies one file, durably; it has its name once it is whole.
  private func copy(
    _ path: String,
    to newPath: String,
    isThick: Bool,
    isUrgent: Bool
  ) throws {
    if !isUrgent { try check() }
    // What an attempt before left, of a file that may have changed since.
    unlink(newPath)
    let old = try file(path)
    if try File.link(path, to: newPath) { return move.count(try old.allocatedByteCount()) }
    let temporary = DiskCopy.temporaryPath(newPath)
    unlink(temporary)
    let new = try File(path: temporary, creating: true, isDirect: true, isThick: isThick)
    try new.resize(to: old.byteCount())
    try new.reserveAll()
    var began = ContinuousClock.now
    try new.take(contentOf: old) { byteCount in
      move.count(UInt64(byteCount))
      guard !isUrgent else { return }
      try check()
      // Half of the time is others'.
      let taken = began.duration(to: .now)
      move.rest(max(1, Int64(taken / .milliseconds(1))))
      began = .now
    }
    try new.sync()
    guard rename(temporary, newPath) == 0 else {
      throw ControlFailure(
        status: 500,
        message: "cannot make \(newPath): \(String(cString: strerror(errno)))"
      )
    }
    try FileFolder(existing: (newPath as NSString).deletingLastPathComponent).sync()
  }

  private func check() throws {
    try move.checkIsWanted()
    guard !journal.isSpaceShort else {
      // It cannot be shortened while its replicas are held as they are.
      throw ControlFailure(status: 409, message: "there is no room left for the journal")
    }
  }

  private func file(_ path: String) throws -> File { try File(path: path, creating: false) }
}
