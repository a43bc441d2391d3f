// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import Synchronization

/// A folder in memory, of which nothing is ever lost; it has room for 8 MiB in one file.
final class MemoryFolder: StorageFolder {
  static let fileByteLimit: UInt64 = 8 << 20

  private let files: Mutex<[String: MemoryFile]>

  init(_ contents: [String: [UInt8]] = [:]) {
    files = Mutex(contents.mapValues { MemoryFile($0) })
  }

  /// What is in the files now.
  var contents: [String: [UInt8]] { files.withLock { $0.mapValues(\.content) } }

  func list() throws(StorageError) -> [String] { files.withLock { Array($0.keys) } }

  func open(_ name: String, creating: Bool) throws(StorageError) -> any StorageFile {
    let file = files.withLock { files in
      if files[name] == nil, creating { files[name] = MemoryFile([]) }
      return files[name]
    }
    guard let file else { throw .missing(name) }
    return file
  }

  func remove(_ name: String) throws(StorageError) {
    guard files.withLock({ $0.removeValue(forKey: name) }) != nil else { throw .missing(name) }
  }

  func rename(_ old: String, to new: String) throws(StorageError) {
    let isThere = files.withLock { files in
      guard let file = files.removeValue(forKey: old) else { return false }
      files[new] = file
      return true
    }
    guard isThere else { throw .missing(old) }
  }

  func exchange(_ name: String, with other: String) throws(StorageError) {
    let isThere = files.withLock { files in
      guard let file = files[name] else { return false }
      files[name] = files[other]
      files[other] = file
      return true
    }
    guard isThere else { throw .missing(name) }
  }

  func sync() throws(StorageError) {}
}

/// A file in memory.
final class MemoryFile: StorageFile {
  private let bytes: Mutex<[UInt8]>

  init(_ content: [UInt8]) { bytes = Mutex(content) }

  var content: [UInt8] { bytes.withLock { $0 } }

  func byteCount() throws(StorageError) -> UInt64 { UInt64(content.count) }

  func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(StorageError) {
    let isInside = bytes.withLock { content in
      guard UInt64(content.count) >= UInt64(target.count),
        offset <= UInt64(content.count - target.count)
      else { return false }
      content.withUnsafeBytes {
        target.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + target.count])
        )
      }
      return true
    }
    guard isInside else { throw .pastEnd(file: "", offset: offset, byteCount: target.count) }
  }

  func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    guard offset < MemoryFolder.fileByteLimit else { throw .full(file: "") }
    let end = offset + UInt64(source.count)
    if UInt64(content.count) < end { try resize(to: end) }
    bytes.withLock { content in
      content.withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[Int(offset)..<Int(end)])
          .copyMemory(from: source)
      }
    }
  }

  func resize(to byteCount: UInt64) throws(StorageError) {
    guard byteCount <= MemoryFolder.fileByteLimit else { throw .full(file: "") }
    bytes.withLock { content in
      let missing = Int(byteCount) - content.count
      if missing < 0 {
        content.removeLast(-missing)
      } else {
        content.append(contentsOf: repeatElement(0, count: missing))
      }
    }
  }

  func reserve(_ byteCount: UInt64) throws(StorageError) {
    try resize(to: max(byteCount, self.byteCount()))
  }

  func punchHole(at offset: UInt64, count: UInt64) throws(StorageError) {
    bytes.withLock { content in
      let end = min(UInt64(content.count), offset + count)
      for index in Int(min(offset, end))..<Int(end) { content[index] = 0 }
    }
  }

  func sync() throws(StorageError) {}
}
