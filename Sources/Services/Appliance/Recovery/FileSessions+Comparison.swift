// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileRestore
internal import RecoveryModel
internal import Synchronization

extension FileSessions {
  /// Begins to compare the files of a session with those of another point of the same stream.
  ///
  /// One that is under way is found again.
  func compare(_ identifier: ExportIdentifier, _ request: FileComparisonRequest) throws {
    guard request.before != identifier else {
      throw ControlFailure(status: 400, message: "A session is not compared with itself.")
    }
    let earlier = try using(request.before) { $0 }
    let later = try using(identifier) { $0 }
    var request = request
    request.folder = try using(identifier) { _ in try FileReader.folder(request.folder) }
    let comparison = FileComparison(request, before: earlier, after: later)
    let isNew = try sessions.withLock { sessions in
      guard let session = sessions[identifier], let other = sessions[request.before] else {
        throw ControlFailure(status: 404, message: "The session has ended.")
      }
      guard session.status.request.stream == other.status.request.stream else {
        throw ControlFailure(status: 400, message: "The sessions are not of one VM.")
      }
      if let known = session.comparison, known.isUnderWay {
        guard known.request == request else {
          throw ControlFailure(
            status: 409,
            message: "The session is being compared already: wait for the end."
          )
        }
        return false
      }
      sessions[identifier]?.comparison = comparison
      for used in [identifier, request.before] { sessions[used]?.useCount += 1 }
      return true
    }
    if isNew { newWish.yield(.compare(comparison, identifier)) }
  }

  /// The comparison of a session that was asked for last, as far as it is.
  func comparison(
    of identifier: ExportIdentifier,
    _ page: FileComparisonPage
  ) throws -> FileComparisonReply {
    let comparison = try using(identifier) { _ in
      sessions.withLock { $0[identifier]?.comparison }
    }
    guard let comparison else {
      throw ControlFailure(
        status: 404,
        message: "The session \(identifier) was not compared with another one."
      )
    }
    return comparison.reply(page)
  }

  /// Compares; sessions that end meanwhile end it.
  func carryOut(_ comparison: FileComparison, of identifier: ExportIdentifier) async {
    await comparison.run()
    sessions.withLock { sessions in
      for used in [identifier, comparison.request.before] {
        sessions[used]?.useCount -= 1
        sessions[used]?.lastUse = .now
      }
    }
  }
}

extension FileComparisonReply.Facts {
  init(_ record: FileRecord) {
    let (seconds, nanoseconds) = (record.modified.seconds, record.modified.nanoseconds)
    self.init(
      kind: FileListReply.Entry.Kind(record.kind),
      byteCount: record.byteCount,
      modified: WallTime(
        milliseconds: seconds.multipliedReportingOverflow(by: 1000).0 &+ nanoseconds / 1_000_000
      ),
      mode: record.mode,
      user: record.user,
      group: record.group,
      linkTarget: record.kind == .link ? String(decoding: record.linkTarget, as: UTF8.self) : nil
    )
  }
}
