// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

extension ApplianceRoutes {
  /// GET: ``[FileSessionStatus]``, by session.
  package static let fileSessions = "/v1/files"
  /// PUT ``FileSessionRequest``: begins to mount; DELETE ends the session.
  package static func fileSession(_ session: ExportIdentifier) -> String { "/v1/files/\(session)" }
  /// POST ``FileListRequest`` gives ``FileListReply``.
  package static func fileList(_ session: ExportIdentifier) -> String {
    "/v1/files/\(session)/list"
  }
  /// GET with `?path=`: a file's bytes, or a folder's as a tar archive.
  package static func fileContent(_ session: ExportIdentifier) -> String {
    "/v1/files/\(session)/content"
  }
}

/// Open a stream's disks as of a point, to read files of them.
///
/// The point is held until the session ends, by a request or because nobody used it.
package struct FileSessionRequest: Codable, Sendable, Equatable {
  package var stream: StreamIdentifier
  package var point: ExportPoint

  package init(stream: StreamIdentifier, point: ExportPoint) {
    self.stream = stream
    self.point = point
  }
}

/// A session there is.
package struct FileSessionStatus: Codable, Sendable, Equatable {
  package var identifier: ExportIdentifier
  package var request: FileSessionRequest
  /// When it was asked for, by the appliance's clock.
  package var began: WallTime
  package var state: State
  /// File systems that could not be read, or why there is none.
  package var problems: [String]

  package init(
    identifier: ExportIdentifier,
    request: FileSessionRequest,
    began: WallTime,
    state: State = .mounting,
    problems: [String] = []
  ) {
    self.identifier = identifier
    self.request = request
    self.began = began
    self.state = state
    self.problems = problems
  }

  /// How far it is.
  package enum State: String, Codable, Sendable {
    case mounting
    case mounted
    case failed
  }
}

extension ExportIdentifier {
  private static let filePrefix = "files-"

  /// The export of a session for files.
  package init(fileSession: String) { self.init(Self.filePrefix + fileSession) }

  /// Whether the export belongs to a session for files.
  package var isFileSession: Bool { rawValue.hasPrefix(Self.filePrefix) }
}

/// What a folder holds, from its entry `first` on.
package struct FileListRequest: Codable, Sendable, Equatable {
  package var path: String
  package var first: Int
  package var count: Int

  package init(path: String, first: Int, count: Int) {
    self.path = path
    self.first = first
    self.count = count
  }
}

/// A part of a folder.
package struct FileListReply: Codable, Sendable, Equatable {
  package var folder: Entry
  package var entries: [Entry]
  /// How many entries the folder has.
  package var totalCount: Int

  package init(folder: Entry, entries: [Entry], totalCount: Int) {
    self.folder = folder
    self.entries = entries
    self.totalCount = totalCount
  }

  /// Something in a guest's file system.
  package struct Entry: Codable, Sendable, Equatable {
    /// From the session's root: `/vda1/etc/hosts`.
    package var path: String
    package var kind: Kind
    package var byteCount: UInt64
    package var modified: WallTime
    package var accessed: WallTime
    package var linkTarget: String?

    package init(
      path: String,
      kind: Kind,
      byteCount: UInt64,
      modified: WallTime,
      accessed: WallTime,
      linkTarget: String? = nil
    ) {
      self.path = path
      self.kind = kind
      self.byteCount = byteCount
      self.modified = modified
      self.accessed = accessed
      self.linkTarget = linkTarget
    }

    /// What it is; `special` has no content.
    package enum Kind: String, Codable, Sendable {
      case folder, file, link, special
    }
  }
}
