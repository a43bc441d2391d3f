// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// An open file or folder, closed with its owner.
struct Descriptor: ~Copyable {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { close(number) }

  /// Opens what `name` is in the folder, never through a symbolic link; nil with errno.
  func open(_ name: String, _ flags: Int32, mode: mode_t = 0) -> Int32? {
    let opened = openat(number, name, flags | O_NOFOLLOW | O_CLOEXEC, mode)
    return opened < 0 ? nil : opened
  }

  /// What the folder holds, but for names with a dot in front.
  func names() -> [String] {
    let copy = dup(number)
    guard copy >= 0, let listing = fdopendir(copy) else { return [] }
    defer { closedir(listing) }
    rewinddir(listing)
    var names: [String] = []
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// What a name is; a symbolic link is itself.
  func status(_ name: String) -> stat? {
    var found = stat()
    return fstatat(number, name, &found, AT_SYMLINK_NOFOLLOW) == 0 ? found : nil
  }

  var status: stat? {
    var found = stat()
    return fstat(number, &found) == 0 ? found : nil
  }

  /// Writes everything; false with errno.
  func write(_ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  /// Reads to the end, at most `limit` bytes and one more; nil with errno.
  func read(limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while bytes.count <= limit {
      let count = Glibc.read(number, &buffer, min(buffer.count, limit + 1 - bytes.count))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return bytes
  }
}

extension stat {
  var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
  var isFile: Bool { st_mode & S_IFMT == S_IFREG }
}

/// The reason of the last call that failed.
func reason() -> String { String(cString: strerror(errno)) }
