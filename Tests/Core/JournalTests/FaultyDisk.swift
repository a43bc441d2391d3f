// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Journal
import Synchronization

/// A disk in memory that loses what was not synced when the power is cut, tears writes at
/// sectors, and fails when told to.
final class FaultyDisk: Sendable {
  static let sector = 512

  fileprivate enum Operation {
    case write(offset: Int, bytes: [UInt8])
    case resize(Int)
    case zero(Range<Int>)

    func apply(to content: inout [UInt8], torn: ((Int) -> Bool)? = nil) {
      switch self {
      case .write(let offset, let bytes):
        if content.count < offset + bytes.count {
          content += [UInt8](repeating: 0, count: offset + bytes.count - content.count)
        }
        guard let torn else {
          content.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
          return
        }
        for start in stride(from: 0, to: bytes.count, by: FaultyDisk.sector) where !torn(start) {
          let end = min(start + FaultyDisk.sector, bytes.count)
          content.replaceSubrange((offset + start)..<(offset + end), with: bytes[start..<end])
        }
      case .resize(let count):
        if count < content.count {
          content.removeLast(content.count - count)
        } else {
          content += [UInt8](repeating: 0, count: count - content.count)
        }
      case .zero(let range):
        let range = range.clamped(to: 0..<content.count)
        content.replaceSubrange(range, with: [UInt8](repeating: 0, count: range.count))
      }
    }
  }

  fileprivate struct Content {
    var seen: [UInt8] = []
    var durable: [UInt8] = []
    var pending: [Operation] = []

    mutating func perform(_ operation: Operation) {
      operation.apply(to: &seen)
      pending.append(operation)
    }
  }

  fileprivate struct State {
    var files: [Content] = []
    var names: [String: Int] = [:]
    var durableNames: [String: Int] = [:]
    /// What the names were after each change since the last sync.
    var nameChanges: [[String: Int]] = []
    var generator: SeededGenerator
    var operationsUntilDeath: Int?
    /// The operation that fails next; any that changes a file if empty.
    var nextFailure: String?
  }

  private let state: Mutex<State>

  init(seed: UInt64) { state = Mutex(State(generator: SeededGenerator(seed: seed))) }

  /// Every operation after the next `count` fails until ``cutPower()``.
  func die(after count: Int) { state.withLock { $0.operationsUntilDeath = count } }

  /// The next `operation` (any that changes a file or syncs it, if left out) fails, the ones
  /// after it do not.
  func failOnce(_ operation: String = "") { state.withLock { $0.nextFailure = operation } }

  /// Works again, with everything that was done before it failed.
  func revive() {
    state.withLock { state in
      state.operationsUntilDeath = nil
      state.nextFailure = nil
    }
  }

  /// Keeps of what was not synced what chance decides, and works again.
  func cutPower() {
    state.withLock { state in
      var generator = state.generator
      for index in state.files.indices {
        state.files[index].lose(&generator)
      }
      let choices = [state.durableNames] + state.nameChanges
      state.names = choices[Int.random(in: 0..<choices.count, using: &generator)]
      state.durableNames = state.names
      state.nameChanges = []
      state.generator = generator
      state.operationsUntilDeath = nil
      state.nextFailure = nil
    }
  }

  func folder(_ name: String) -> Folder { Folder(disk: self, prefix: name + "/") }

  /// Changes a file's bytes behind everybody's back.
  func damage(_ name: String, at offset: Int, xor: UInt8 = 0xFF) {
    state.withLock { state in
      guard let file = state.names[name] else { return }
      state.files[file].seen[offset] ^= xor
      state.files[file].durable[offset] ^= xor
    }
  }

  func content(_ name: String) -> [UInt8] {
    state.withLock { state in state.names[name].map { state.files[$0].seen } ?? [] }
  }
}

extension FaultyDisk.Content {
  fileprivate mutating func lose(_ generator: inout SeededGenerator) {
    for operation in pending {
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: continue
      case 1:
        var sectors = generator
        operation.apply(to: &durable) { _ in sectors.once(in: 2) }
        generator = sectors
      default: operation.apply(to: &durable)
      }
    }
    pending = []
    seen = durable
  }
}

extension FaultyDisk {
  private func change<Result>(
    _ what: String,
    canFail: Bool = true,
    _ body: (inout State) throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    let result = state.withLock { state -> Swift.Result<Result, StorageError> in
      if let left = state.operationsUntilDeath {
        guard left > 0 else {
          return .failure(.failed(operation: what, file: "", code: 5))
        }
        state.operationsUntilDeath = left - 1
      }
      if canFail, let failure = state.nextFailure, failure.isEmpty || failure == what {
        state.nextFailure = nil
        if what == "sync" { state.loseWritesOfFailedSync() }
        return .failure(.failed(operation: what, file: "", code: 5))
      }
      do throws(StorageError) { return .success(try body(&state)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}

extension FaultyDisk.State {
  /// As in Linux: after a failed sync the pages count as clean, whether they were written or not.
  fileprivate mutating func loseWritesOfFailedSync() {
    for index in files.indices where !files[index].pending.isEmpty {
      let seen = files[index].seen
      files[index].lose(&generator)
      files[index].seen = seen
    }
  }
}

extension FaultyDisk {
  struct Folder: StorageFolder {
    fileprivate let disk: FaultyDisk
    fileprivate let prefix: String

    func list() throws(StorageError) -> [String] {
      try disk.change("list", canFail: false) { [prefix] state throws(StorageError) in
        state.names.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
      }
    }

    func open(_ name: String, creating: Bool) throws(StorageError) -> any StorageFile {
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

    func remove(_ name: String) throws(StorageError) {
      let path = prefix + name
      try disk.change("remove", canFail: false) { state throws(StorageError) in
        guard state.names.removeValue(forKey: path) != nil else { throw .missing(name) }
        state.nameChanges.append(state.names)
      }
    }

    func rename(_ old: String, to new: String) throws(StorageError) {
      let (from, to) = (prefix + old, prefix + new)
      try disk.change("rename", canFail: false) { state throws(StorageError) in
        guard let number = state.names.removeValue(forKey: from) else { throw .missing(old) }
        state.names[to] = number
        state.nameChanges.append(state.names)
      }
    }

    func sync() throws(StorageError) {
      try disk.change("folder sync", canFail: false) { state throws(StorageError) in
        state.durableNames = state.names
        state.nameChanges = []
      }
    }
  }

  final class File: StorageFile {
    private let disk: FaultyDisk
    private let number: Int

    fileprivate init(disk: FaultyDisk, number: Int) {
      self.disk = disk
      self.number = number
    }

    func byteCount() throws(StorageError) -> UInt64 {
      try disk.change("stat", canFail: false) { [number] state throws(StorageError) in
        UInt64(state.files[number].seen.count)
      }
    }

    func read(
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
      content.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
      let copy = [UInt8](bytes)
      try disk.change("write") { [number] state throws(StorageError) in
        state.files[number].perform(.write(offset: Int(offset), bytes: copy))
      }
    }

    func resize(to byteCount: UInt64) throws(StorageError) {
      try disk.change("resize", canFail: false) { [number] state throws(StorageError) in
        state.files[number].perform(.resize(Int(byteCount)))
      }
    }

    func reserve(_ byteCount: UInt64) throws(StorageError) {
      try resize(to: max(byteCount, self.byteCount()))
    }

    func punchHole(at offset: UInt64, count: UInt64) throws(StorageError) {
      try disk.change("punch") { [number] state throws(StorageError) in
        state.files[number].perform(.zero(Int(offset)..<Int(offset + count)))
      }
    }

    func sync() throws(StorageError) {
      try disk.change("sync") { [number] state throws(StorageError) in
        for operation in state.files[number].pending {
          operation.apply(to: &state.files[number].durable)
        }
        state.files[number].pending = []
      }
    }
  }
}
