// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

extension ApplianceRoutes {
  /// PUT ``FileComparisonRequest``: begins; POST ``FileComparisonPage`` gives
  /// ``FileComparisonReply``.
  package static func fileComparison(_ session: ExportIdentifier) -> String {
    "/v1/files/\(session)/comparison"
  }
}

/// Compare the files of a session with those of an earlier point's.
///
/// Both sessions are busy until it is done. A session has the last comparison that was asked for.
package struct FileComparisonRequest: Codable, Sendable, Equatable {
  /// The session of the point that counts as before.
  package var before: ExportIdentifier
  /// What is compared: `/` for everything, `/vda1/etc` for what is below that folder.
  package var folder: String

  package init(before: ExportIdentifier, folder: String) {
    self.before = before
    self.folder = folder
  }
}

/// Which of the changes are wanted.
package struct FileComparisonPage: Codable, Sendable, Equatable {
  package var first: Int
  package var count: Int

  package init(first: Int, count: Int) {
    self.first = first
    self.count = count
  }
}

/// A comparison, as far as it is.
package struct FileComparisonReply: Codable, Sendable, Equatable {
  package var request: FileComparisonRequest
  package var isDone: Bool
  /// How many entries were looked at, of both points.
  package var lookedAtCount: Int
  package var fileSystems: [FileSystem]
  /// What could not be compared, and why.
  package var problems: [String]
  /// How many changes are kept to be listed: all, unless there are too many.
  package var listedCount: Int
  /// Those that were asked for.
  package var changes: [Change]

  package init(
    request: FileComparisonRequest,
    isDone: Bool = false,
    lookedAtCount: Int = 0,
    fileSystems: [FileSystem] = [],
    problems: [String] = [],
    listedCount: Int = 0,
    changes: [Change] = []
  ) {
    self.request = request
    self.isDone = isDone
    self.lookedAtCount = lookedAtCount
    self.fileSystems = fileSystems
    self.problems = problems
    self.listedCount = listedCount
    self.changes = changes
  }

  /// What is different in one file system, also of what is not listed.
  package struct FileSystem: Codable, Sendable, Equatable {
    /// `vda1`.
    package var name: String
    package var addedCount = 0
    package var removedCount = 0
    package var changedCount = 0

    package init(name: String, addedCount: Int = 0, removedCount: Int = 0, changedCount: Int = 0) {
      self.name = name
      self.addedCount = addedCount
      self.removedCount = removedCount
      self.changedCount = changedCount
    }
  }

  /// One entry that is not the same.
  package struct Change: Codable, Sendable, Equatable {
    /// From the session's root; what is not UTF-8 of it is replaced.
    package var path: String
    /// nil if it was added.
    package var before: Facts?
    /// nil if it was removed.
    package var after: Facts?
    /// What is different if it is there at both points.
    package var aspects: [String]

    package init(path: String, before: Facts?, after: Facts?, aspects: [String]) {
      self.path = path
      self.before = before
      self.after = after
      self.aspects = aspects
    }
  }

  /// What a file system says of an entry.
  package struct Facts: Codable, Sendable, Equatable {
    package var kind: FileListReply.Entry.Kind
    package var byteCount: UInt64
    package var modified: WallTime
    /// The permission bits.
    package var mode: UInt16
    package var user: UInt32
    package var group: UInt32
    package var linkTarget: String?

    package init(
      kind: FileListReply.Entry.Kind,
      byteCount: UInt64,
      modified: WallTime,
      mode: UInt16,
      user: UInt32,
      group: UInt32,
      linkTarget: String? = nil
    ) {
      self.kind = kind
      self.byteCount = byteCount
      self.modified = modified
      self.mode = mode
      self.user = user
      self.group = group
      self.linkTarget = linkTarget
    }
  }
}
