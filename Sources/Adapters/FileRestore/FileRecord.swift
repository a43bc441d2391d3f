// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a file system says of one of its entries: all that two points are compared by.
package struct FileRecord: Sendable, Equatable {
  /// Bytes, from the walked folder on, as in `etc/hosts`: not all are text.
  package var path: [UInt8]
  package var kind: FileEntry.Kind
  /// The permission bits.
  package var mode: UInt16
  package var user: UInt32
  package var group: UInt32
  package var byteCount: UInt64
  /// When the content was written, by the guest's clock.
  package var modified: Time
  /// When the inode was changed last: nobody can set that back.
  package var changed: Time
  /// What a symbolic link says, as bytes; empty for anything else.
  package var linkTarget: [UInt8]

  /// An instant, as exact as the file system keeps it.
  package struct Time: Sendable, Equatable {
    /// Since 1970.
    package var seconds: Int64
    package var nanoseconds: Int64

    package init(seconds: Int64, nanoseconds: Int64 = 0) {
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }
  }

  package init(
    path: [UInt8],
    kind: FileEntry.Kind,
    mode: UInt16,
    user: UInt32,
    group: UInt32,
    byteCount: UInt64,
    modified: Time,
    changed: Time,
    linkTarget: [UInt8] = []
  ) {
    self.path = path
    self.kind = kind
    self.mode = mode
    self.user = user
    self.group = group
    self.byteCount = byteCount
    self.modified = modified
    self.changed = changed
    self.linkTarget = linkTarget
  }
}

extension FileRecord {
  /// How find(1) prints a record for ``init(printed:)``: no path has two slashes in a row.
  static let format = #"%P//%y %m %U %G %s %T@ %C@ %l\0"#
  private static let slash = UInt8(ascii: "/")

  /// Reads what find(1) printed, without the NUL that ends it; nil if it is none.
  init?(printed bytes: some RandomAccessCollection<UInt8>) {
    let bytes = Array(bytes)
    guard
      let end = bytes.indices.dropLast().first(where: {
        bytes[$0] == Self.slash && bytes[$0 + 1] == Self.slash
      })
    else { return nil }
    let fields = bytes[(end + 2)...].split(
      separator: UInt8(ascii: " "),
      maxSplits: 7,
      omittingEmptySubsequences: false
    )
    guard fields.count == 8 else { return nil }
    let texts = fields.prefix(7).map { String(decoding: $0, as: UTF8.self) }
    guard let mode = UInt16(texts[1], radix: 8), let user = UInt32(texts[2]),
      let group = UInt32(texts[3]), let byteCount = UInt64(texts[4]),
      let modified = Time(texts[5]), let changed = Time(texts[6])
    else { return nil }
    switch texts[0] {
    case "d": kind = .folder
    case "f": kind = .file
    case "l": kind = .link
    default: kind = .special
    }
    path = Array(bytes[..<end])
    self.mode = mode
    self.user = user
    self.group = group
    self.byteCount = byteCount
    self.modified = modified
    self.changed = changed
    linkTarget = Array(fields[7])
  }

  /// Whether this comes before another, as sort(1) orders what ``format`` prints.
  func precedes(_ other: FileRecord) -> Bool {
    let end = [Self.slash, Self.slash]
    return (path + end).lexicographicallyPrecedes(other.path + end)
  }
}

extension FileRecord.Time {
  /// Reads seconds with a fraction: `1795954415.5000000000`.
  fileprivate init?(_ text: String) {
    let halves = text.split(separator: ".", maxSplits: 1)
    guard let first = halves.first, let seconds = Int64(first) else { return nil }
    self.seconds = seconds
    nanoseconds = halves.count == 2 ? Int64(halves[1].prefix(9)) ?? 0 : 0
  }
}
