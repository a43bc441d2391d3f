// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Something in a folder of a guest's file system.
package struct FileEntry: Sendable, Equatable {
  /// From the root of the session: `/vda1/etc/hosts`.
  package var path: String
  package var kind: Kind
  /// Of a file's content.
  package var byteCount: UInt64
  /// Seconds since 1970, by the guest's clock.
  package var modified: Int64
  package var accessed: Int64
  /// What a symbolic link says; nil for anything else.
  package var linkTarget: String?

  /// What an entry is.
  package enum Kind: Sendable, Equatable {
    case folder
    case file
    case link
    /// A device, a pipe or a socket, which has no content.
    case special
  }

  /// Reads what guestfish prints of a `struct guestfs_statns`: lines of `name: value`.
  ///
  /// nil if a field that is needed is missing.
  init?(path: String, statistics text: String) {
    var fields: [Substring: Int64] = [:]
    for line in text.split(separator: "\n") {
      let halves = line.split(separator: ":", maxSplits: 1)
      guard halves.count == 2, let value = Int64(halves[1].drop(while: { $0 == " " })) else {
        continue
      }
      fields[halves[0]] = value
    }
    guard let mode = fields["st_mode"], let size = fields["st_size"],
      let modified = fields["st_mtime_sec"], let accessed = fields["st_atime_sec"]
    else { return nil }
    self.path = path
    // The file type bits of inode(7).
    switch mode & 0o170000 {
    case 0o040000: kind = .folder
    case 0o100000: kind = .file
    case 0o120000: kind = .link
    default: kind = .special
    }
    byteCount = UInt64(max(size, 0))
    self.modified = modified
    self.accessed = accessed
  }
}

/// A part of a folder.
package struct FileListing: Sendable, Equatable {
  /// The folder itself.
  package var folder: FileEntry
  /// By name.
  package var entries: [FileEntry]
  /// How many there are in all.
  package var totalCount: Int
}
