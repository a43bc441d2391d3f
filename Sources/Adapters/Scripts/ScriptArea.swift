// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// A folder of the manager that administrators keep files in through the API.
///
/// Every path is walked name by name from the root, and no symbolic link is followed, so nothing
/// outside is ever reached. Files become there as a whole or not at all.
package struct ScriptArea: Sendable {
  /// What an area may hold.
  package struct Limits: Sendable {
    package var fileByteCount = 2 << 20
    package var byteCount = 64 << 20
    package var itemCount = 2000
  }

  /// A file or a folder.
  package struct Item: Sendable, Equatable {
    package var path: ScriptPath
    package var isFolder: Bool
    package var byteCount: Int
    /// When it was last written, in seconds since 1970.
    package var written: Int
  }

  /// The folder; it belongs to the manager's user.
  package let root: String
  let limits: Limits

  init(root: String, limits: Limits = Limits()) {
    self.root = root
    self.limits = limits
  }

  // MARK: Reading

  /// What a folder holds, by name; a pattern such as `*.sh` chooses.
  package func items(in path: ScriptPath, matching pattern: String?) throws(ScriptError) -> [Item] {
    let folder = try open(path)
    return folder.names().compactMap { name in
      if let pattern, fnmatch(pattern, name, 1 << 4 /* FNM_CASEFOLD */) != 0 { return nil }
      return Self.item(name, in: folder, path)
    }
  }

  package func read(_ path: ScriptPath) throws(ScriptError) -> [UInt8] {
    let folder = try open(path.folder)
    // A pipe that somebody put there must not make anybody wait.
    guard let number = folder.open(path.name, O_RDONLY | O_NONBLOCK) else {
      throw .notFound("There is no file \(path).")
    }
    let file = Descriptor(number)
    guard file.status?.isFile == true else { throw .notFound("\(path) is no file.") }
    guard let bytes = file.read(limit: limits.fileByteCount) else {
      throw .failed("\(path) cannot be read: \(reason()).")
    }
    guard bytes.count <= limits.fileByteCount else {
      throw .failed("\(path) has more than \(limits.fileByteCount) bytes.")
    }
    return bytes
  }

  // MARK: Writing

  /// Keeps a file, which everybody on the machine may read and run, but only the manager change.
  package func write(
    _ bytes: [UInt8],
    to path: ScriptPath,
    overwrites: Bool
  ) throws(ScriptError) {
    guard !path.isRoot else { throw .invalid("The path names no file.") }
    guard bytes.count <= limits.fileByteCount else {
      throw .invalid("The file has more than \(limits.fileByteCount) bytes.")
    }
    let folder = try open(path.folder)
    if let there = folder.status(path.name) {
      guard there.isFile else { throw .conflict("\(path) is there, and is no file.") }
      guard overwrites else { throw .conflict("The file \(path) is there already.") }
    }
    try refuseIfFull(adding: bytes.count)
    let draft = ".\(UUID().uuidString)"
    guard let number = folder.open(draft, O_WRONLY | O_CREAT | O_EXCL, mode: 0o755) else {
      throw .failed("\(path) cannot be written: \(reason()).")
    }
    let file = Descriptor(number)
    defer { unlinkat(folder.number, draft, 0) }
    guard file.write(bytes), fchmod(number, 0o755) == 0, fsync(number) == 0 else {
      throw .failed("\(path) cannot be written: \(reason()).")
    }
    let isDone =
      overwrites
      ? renameat(folder.number, draft, folder.number, path.name)
      : linkat(folder.number, draft, folder.number, path.name, 0)
    guard isDone == 0, fsync(folder.number) == 0 else {
      if errno == EEXIST { throw .conflict("The file \(path) is there already.") }
      throw .failed("\(path) cannot be written: \(reason()).")
    }
  }

  /// Makes a folder, in one that is there.
  package func makeFolder(_ path: ScriptPath) throws(ScriptError) {
    guard !path.isRoot else { throw .conflict("The folder / is there already.") }
    let parent = try open(path.folder)
    try refuseIfFull(adding: 0)
    guard mkdirat(parent.number, path.name, 0o755) == 0 else {
      if errno == EEXIST { throw .conflict("\(path) is there already.") }
      throw .failed("\(path) cannot be made: \(reason()).")
    }
  }

  package func removeFile(_ path: ScriptPath) throws(ScriptError) {
    let parent = try open(path.folder)
    guard let there = parent.status(path.name), !there.isFolder else {
      throw .notFound("There is no file \(path).")
    }
    guard unlinkat(parent.number, path.name, 0) == 0 else {
      throw .failed("\(path) cannot be deleted: \(reason()).")
    }
  }

  package func removeFolder(_ path: ScriptPath, withContent: Bool) throws(ScriptError) {
    guard !path.isRoot else { throw .invalid("The folder / stays.") }
    let isEmpty = try open(path).names().isEmpty
    guard withContent || isEmpty else {
      throw .conflict("The folder \(path) is not empty; deleteIfNotEmpty deletes it all the same.")
    }
    try Self.removeTree(path.name, in: try open(path.folder))
  }

  // MARK: Inside

  func open(_ path: ScriptPath) throws(ScriptError) -> Descriptor {
    let number = Glibc.open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw .failed("\(root) cannot be opened: \(reason()).") }
    var folder = Descriptor(number)
    for name in path.names {
      guard let next = folder.open(name, O_RDONLY | O_DIRECTORY) else {
        throw .notFound("There is no folder \(path).")
      }
      folder = Descriptor(next)
    }
    return folder
  }

  static func removeTree(_ name: String, in parent: borrowing Descriptor) throws(ScriptError) {
    if let number = parent.open(name, O_RDONLY | O_DIRECTORY) {
      let folder = Descriptor(number)
      // Also what our own listing does not show.
      for name
        in (try? FileManager.default.contentsOfDirectory(
          atPath: "/proc/self/fd/\(number)"
        )) ?? []
      {
        if folder.status(name)?.isFolder == true {
          try removeTree(name, in: folder)
        } else {
          unlinkat(number, name, 0)
        }
      }
    }
    guard unlinkat(parent.number, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
      throw .failed("The folder \(name) cannot be deleted: \(reason()).")
    }
  }

  private func refuseIfFull(adding byteCount: Int) throws(ScriptError) {
    let all = try everything(in: ScriptPath(names: []))
    guard all.count < limits.itemCount else {
      throw .conflict("There is no room for more than \(limits.itemCount) files and folders.")
    }
    guard all.reduce(byteCount, { $0 + $1.byteCount }) <= limits.byteCount else {
      throw .conflict("There is no room for more than \(limits.byteCount) bytes.")
    }
  }

  /// Every file and folder below a folder, folders before what they hold.
  func everything(in path: ScriptPath) throws(ScriptError) -> [Item] {
    var found: [Item] = []
    for item in try items(in: path, matching: nil) {
      found.append(item)
      if item.isFolder { found += try everything(in: item.path) }
    }
    return found
  }

  private static func item(
    _ name: String,
    in folder: borrowing Descriptor,
    _ path: ScriptPath
  ) -> Item? {
    guard let status = folder.status(name), status.isFile || status.isFolder else { return nil }
    return Item(
      path: path.appending(name),
      isFolder: status.isFolder,
      byteCount: status.isFolder ? 0 : Int(status.st_size),
      written: Int(status.st_mtim.tv_sec)
    )
  }
}
