// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileRestore
internal import RecoveryModel
internal import Synchronization

/// Which files are not the same at two points, file system by file system.
///
/// Both points are read at once and in one order, so that neither list is ever in memory. Totals
/// are of all there is; what is listed is bounded, since its reader names a folder to see more.
final class FileComparison: Sendable {
  /// A change takes some hundred bytes, its path at most four thousand.
  private static let mostListed = 100_000
  private static let mostPathBytes = 32 << 20

  private struct State {
    var reply: FileComparisonReply
    var changes: [FileComparisonReply.Change] = []
    var pathByteCount = 0
  }

  let request: FileComparisonRequest
  private let before: FileReader
  private let after: FileReader
  private let state: Mutex<State>

  init(_ request: FileComparisonRequest, before: FileReader, after: FileReader) {
    self.request = request
    self.before = before
    self.after = after
    state = Mutex(State(reply: FileComparisonReply(request: request)))
  }

  var isUnderWay: Bool { state.withLock { !$0.reply.isDone } }

  /// What is known by now, with a part of the changes.
  func reply(_ page: FileComparisonPage) -> FileComparisonReply {
    state.withLock { state in
      var reply = state.reply
      reply.listedCount = state.changes.count
      reply.changes = Array(state.changes.dropFirst(max(page.first, 0)).prefix(max(page.count, 0)))
      return reply
    }
  }

  /// Compares; what cannot be compared is among the problems at the end.
  func run() async {
    for (name, folder) in places() {
      state.withLock { $0.reply.fileSystems.append(.init(name: name)) }
      do { try await compare(folder) } catch { note("\(folder): \(error)") }
    }
    state.withLock { $0.reply.isDone = true }
  }

  /// The file systems that can be read at both points, and what is compared of each.
  private func places() -> [(name: String, folder: String)] {
    let parts = request.folder.split(separator: "/").map(String.init)
    for problem in Set(before.problems + after.problems).sorted()
    where problem.hasPrefix(parts.first ?? "") { note(problem) }
    let names = parts.first.map { [$0] } ?? Set(before.fileSystems + after.fileSystems).sorted()
    return names.compactMap { name in
      switch (before.fileSystems.contains(name), after.fileSystems.contains(name)) {
      case (true, true): return (name, "/" + (parts.isEmpty ? name : parts.joined(separator: "/")))
      case (true, false): note("\(name) can be read at the earlier point only")
      case (false, true): note("\(name) can be read at the later point only")
      case (false, false): note("there is no file system \(name) that can be read")
      }
      return nil
    }
  }

  private func compare(_ folder: String) async throws {
    async let walked = Blocking.run { [before] in try Self.walk(folder, before) }
    let later = try await Blocking.run { [after] in try Self.walk(folder, after) }
    let earlier = try await walked
    try await Blocking.run { [self] in
      defer { for walk in [earlier, later] { walk?.close() } }
      guard earlier != nil || later != nil else {
        throw FileRestoreError.notFound("there is no such folder at either point")
      }
      var merge = FileMerge()
      while let change = try merge.next(
        before: { () throws(FileRestoreError) in try earlier?.next() },
        after: { () throws(FileRestoreError) in try later?.next() }
      ) { note(change, in: folder) }
      state.withLock { $0.reply.lookedAtCount += merge.lookedAtCount }
    }
  }

  /// A folder that is not there has nothing in it.
  private static func walk(_ folder: String, _ reader: FileReader) throws -> FileWalk? {
    do throws(FileRestoreError) { return try reader.walk(folder) } catch {
      if case .notFound = error { return nil }
      throw error
    }
  }

  private func note(_ problem: String) {
    state.withLock { $0.reply.problems.append(problem) }
  }

  private func note(_ change: FileChange, in folder: String) {
    guard let record = change.after ?? change.before else { return }
    let path = Array("\(folder)/".utf8) + record.path
    state.withLock { state in
      let last = state.reply.fileSystems.count - 1
      switch (change.before, change.after) {
      case (nil, _): state.reply.fileSystems[last].addedCount += 1
      case (_, nil): state.reply.fileSystems[last].removedCount += 1
      default: state.reply.fileSystems[last].changedCount += 1
      }
      guard state.changes.count < Self.mostListed,
        state.pathByteCount + path.count <= Self.mostPathBytes
      else { return }
      state.pathByteCount += path.count
      state.changes.append(
        FileComparisonReply.Change(
          path: String(decoding: path, as: UTF8.self),
          before: change.before.map(FileComparisonReply.Facts.init),
          after: change.after.map(FileComparisonReply.Facts.init),
          aspects: change.aspects.map(\.rawValue)
        )
      )
    }
  }
}
