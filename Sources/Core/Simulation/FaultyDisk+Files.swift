// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Journal

extension FaultyDisk {
  /// One folder of the disk.
  package struct Folder: StorageFolder {
    let disk: FaultyDisk
    let prefix: String

    package func list() throws(StorageError) -> [String] {
      try disk.change("list", canFail: false) { [prefix] state throws(StorageError) in
        state.names.keys.sorted().filter { $0.hasPrefix(prefix) }.map {
          String($0.dropFirst(prefix.count))
        }
      }
    }

    package func open(_ name: String, creating: Bool) throws(StorageError) -> any StorageFile {
      let path = prefix + name
      let number = try disk.change("open", canFail: false) { state throws(StorageError) in
        if let number = state.names[path] { return number }
        guard creating else { throw .missing(name) }
        state.files.append(Content())
        state.names[path] = state.files.count - 1
        state.nameChanges.append(state.names)
        return state.files.count - 1
      }
      return File(disk: disk, number: number)
    }

    package func remove(_ name: String) throws(StorageError) {
      let path = prefix + name
      try disk.change("remove", canFail: false) { state throws(StorageError) in
        guard state.names.removeValue(forKey: path) != nil else { throw .missing(name) }
        state.nameChanges.append(state.names)
      }
    }

    package func freeByteCount() throws(StorageError) -> UInt64? {
      try disk.change("free", canFail: false) { state throws(StorageError) in
        state.isFull ? 0 : 1 << 40
      }
    }

    package func rename(_ old: String, to new: String) throws(StorageError) {
      let (from, to) = (prefix + old, prefix + new)
      try disk.change("rename", canFail: false) { state throws(StorageError) in
        guard let number = state.names.removeValue(forKey: from) else { throw .missing(old) }
        state.names[to] = number
        state.nameChanges.append(state.names)
      }
    }

    package func exchange(_ name: String, with other: String) throws(StorageError) {
      let (path, otherPath) = (prefix + name, prefix + other)
      try disk.change("exchange", canFail: false) { state throws(StorageError) in
        guard let number = state.names[path] else { throw .missing(name) }
        state.names[path] = state.names[otherPath]
        state.names[otherPath] = number
        state.nameChanges.append(state.names)
      }
    }

    package func sync() throws(StorageError) {
      try disk.change("folder sync", canFail: false) { state throws(StorageError) in
        state.durableNames = state.names
        state.nameChanges = []
      }
    }
  }

  /// One open file of the disk.
  package final class File: StorageFile {
    private let disk: FaultyDisk
    private let number: Int

    init(disk: FaultyDisk, number: Int) {
      self.disk = disk
      self.number = number
    }

    package func byteCount() throws(StorageError) -> UInt64 {
      try disk.change("stat", canFail: false) { [number] state throws(StorageError) in
        UInt64(state.files[number].seen.count)
      }
    }

    package func read(
      at offset: UInt64,
      into bytes: UnsafeMutableRawBufferPointer
    ) throws(StorageError) {
      let count = bytes.count
      let content = try disk.change("read", canFail: false) {
        [number] state throws(StorageError) in
        guard Int(offset) + count <= state.files[number].seen.count else {
          throw .pastEnd(file: "\(number)", offset: offset, byteCount: count)
        }
        return state.files[number].seen[Int(offset)..<(Int(offset) + count)]
      }
      unsafe content.withUnsafeBytes { unsafe bytes.copyMemory(from: $0) }
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
      let copy = unsafe [UInt8](bytes)
      try disk.change("write") { [number] state throws(StorageError) in
        let isLonger = Int(offset) + copy.count > state.files[number].seen.count
        if state.isFull, isLonger { throw .full(file: "\(number)") }
        state.files[number].perform(.write(offset: Int(offset), bytes: copy))
      }
    }

    package func resize(to byteCount: UInt64) throws(StorageError) {
      try disk.change("resize", canFail: false) { [number] state throws(StorageError) in
        let isLonger = Int(byteCount) > state.files[number].seen.count
        if state.isFull, isLonger { throw .full(file: "\(number)") }
        state.files[number].perform(.resize(Int(byteCount)))
      }
    }

    package func reserve(_ byteCount: UInt64) throws(StorageError) {
      try resize(to: max(byteCount, self.byteCount()))
    }

    package func punchHole(at offset: UInt64, count: UInt64) throws(StorageError) {
      try disk.change("punch") { [number] state throws(StorageError) in
        state.files[number].perform(.zero(Int(offset)..<Int(offset + count)))
      }
    }

    package func forgetCache() throws(StorageError) {
      try disk.change("forget", canFail: false) { [number] state throws(StorageError) in
        state.files[number].seen = state.files[number].durable
        for operation in state.files[number].pending {
          operation.apply(to: &state.files[number].seen)
        }
      }
    }

    package func sync() throws(StorageError) {
      try disk.change("sync") { [number] state throws(StorageError) in
        for operation in state.files[number].pending {
          operation.apply(to: &state.files[number].durable)
        }
        state.files[number].pending = []
      }
    }
  }
}
