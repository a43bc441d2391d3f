// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
package import Journal

/// A folder of the file system, whose files take direct writes.
package struct FileFolder: StorageFolder {
  package let path: String

  /// Uses a folder, making it, and those above it, if missing.
  package init(path: String) throws(StorageError) {
    self.path = path
    try Self.make(path)
  }

  /// Names a folder that is there, or not, without looking.
  package init(existing path: String) { self.path = path }

  package func list() throws(StorageError) -> [String] {
    guard let folder = opendir(path) else { throw Self.failure("opendir", path) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  package func open(_ name: String, creating: Bool) throws(StorageError) -> any StorageFile {
    try File(path: path + "/" + name, creating: creating, isDirect: true)
  }

  package func freeByteCount() throws(StorageError) -> UInt64? {
    var found = statvfs()
    guard statvfs(path, &found) == 0 else { throw Self.failure("statvfs", path) }
    return UInt64(found.f_bavail) * UInt64(found.f_frsize)
  }

  /// From so many bytes on memory is in huge pages: a direct write from small ones is cut into
  /// requests of as many pieces as the disk takes, and each page is looked up by itself.
  private static let hugeByteCount = 1 << 20
  private static let hugePage = 2 << 20

  package func allocate(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    guard byteCount >= Self.hugeByteCount else {
      return .allocate(byteCount: byteCount.roundedUp(to: 4096), alignment: 4096)
    }
    let count = byteCount.roundedUp(to: Self.hugePage)
    guard let start = understudy_map_huge(count) else { fatalError("no memory for \(count) bytes") }
    return UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  package func deallocate(_ memory: UnsafeMutableRawBufferPointer) {
    guard memory.count >= Self.hugeByteCount else { return memory.deallocate() }
    understudy_unmap(memory.baseAddress, memory.count)
  }

  /// Whether the file system can write past its page cache; if not, journals work, more slowly.
  package func canWriteDirectly() throws(StorageError) -> Bool {
    let probe = "direct.tmp"
    let descriptor = Glibc.open(path + "/" + probe, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure("open", probe) }
    defer { close(descriptor) }
    try remove(probe)
    let opened = understudy_reopen_direct(descriptor)
    if opened >= 0 { close(opened) }
    return opened >= 0
  }

  package func remove(_ name: String) throws(StorageError) {
    guard unlink(path + "/" + name) == 0 else { throw Self.failure("unlink", name) }
  }

  package func rename(_ old: String, to new: String) throws(StorageError) {
    guard Glibc.rename(path + "/" + old, path + "/" + new) == 0 else {
      throw Self.failure("rename", old)
    }
  }

  package func exchange(_ name: String, with other: String) throws(StorageError) {
    let result = understudy_exchange(path + "/" + name, path + "/" + other)
    guard result != 0 else { return }
    // NFS and old kernels cannot.
    guard [-ENOENT, -EINVAL, -ENOSYS, -EOPNOTSUPP].contains(result) else {
      throw Self.failure("renameat2", name, code: -result)
    }
    try rename(name, to: other)
  }

  package func sharesRoom(with file: any StorageFile) throws(StorageError) -> Bool {
    var found = stat()
    guard stat(path, &found) == 0 else { throw Self.failure("stat", path) }
    return try (file as? File)?.device() == found.st_dev
  }

  package func sync() throws(StorageError) { try Self.sync(path) }

  /// Makes a folder's names durable.
  static func sync(_ path: String) throws(StorageError) {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
  }

  /// Makes a folder and those above it, durably; one that is there is fine.
  private static func make(_ path: String) throws(StorageError) {
    guard mkdir(path, 0o700) != 0 else { return try sync(parent(of: path)) }
    switch errno {
    case EEXIST: return
    case ENOENT where parent(of: path) != path:
      try make(parent(of: path))
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("mkdir", path) }
      try sync(parent(of: path))
    default: throw failure("mkdir", path)
    }
  }

  /// The folder a path is in.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The error that `errno` says.
  static func failure(_ operation: String, _ file: String, code: Int32 = errno) -> StorageError {
    switch code {
    case ENOENT: .missing(file)
    case ENOSPC, EDQUOT: .full(file: file)
    default: .failed(operation: operation, file: file, code: code)
    }
  }
}
