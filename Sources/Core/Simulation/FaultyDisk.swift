// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import Synchronization

/// A disk in memory that loses what was not synced when the power is cut, tears writes at
/// sectors, and fails when told to.
package final class FaultyDisk: Sendable {
  package static let sector = 512

  enum Operation {
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

  struct Content {
    var seen: [UInt8] = []
    var durable: [UInt8] = []
    var pending: [Operation] = []

    mutating func perform(_ operation: Operation) {
      operation.apply(to: &seen)
      pending.append(operation)
    }
  }

  struct State {
    var files: [Content] = []
    var names: [String: Int] = [:]
    var durableNames: [String: Int] = [:]
    /// What the names were after each change since the last sync.
    var nameChanges: [[String: Int]] = []
    var generator: SeededGenerator
    var operationsUntilDeath: Int?
    /// The operation that fails next; any that changes a file if empty.
    var nextFailure: String?
    /// Whether files can get no longer.
    var isFull = false
  }

  private let state: Mutex<State>

  package init(seed: UInt64) { state = Mutex(State(generator: SeededGenerator(seed: seed))) }

  /// Every operation after the next `count` fails until ``cutPower()``.
  package func die(after count: Int) { state.withLock { $0.operationsUntilDeath = count } }

  /// The next `operation` (any that changes a file or syncs it, if left out) fails, the ones
  /// after it do not.
  package func failOnce(_ operation: String = "") { state.withLock { $0.nextFailure = operation } }

  /// Works again, with everything that was done before it failed.
  package func revive() {
    state.withLock { state in
      state.operationsUntilDeath = nil
      state.nextFailure = nil
    }
  }

  /// Whether there is room for files to get longer.
  package func setFull(_ isFull: Bool) { state.withLock { $0.isFull = isFull } }

  /// Keeps of what was not synced what chance decides, and works again.
  package func cutPower() {
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
      state.isFull = false
    }
  }

  package func folder(_ name: String) -> Folder { Folder(disk: self, prefix: name + "/") }

  /// Changes a file's bytes behind everybody's back.
  package func damage(_ name: String, at offset: Int, xor: UInt8 = 0xFF) {
    state.withLock { state in
      guard let file = state.names[name] else { return }
      state.files[file].seen[offset] ^= xor
      state.files[file].durable[offset] ^= xor
    }
  }

  /// All files are gone, durably, whose names begin with one of these.
  package func wipe(_ prefixes: [String]) {
    state.withLock { state in
      func isKept(_ name: String) -> Bool { !prefixes.contains { name.hasPrefix($0) } }
      state.names = state.names.filter { isKept($0.key) }
      state.durableNames = state.durableNames.filter { isKept($0.key) }
      state.nameChanges = state.nameChanges.map { $0.filter { isKept($0.key) } }
    }
  }

  package func content(_ name: String) -> [UInt8] {
    state.withLock { state in state.names[name].map { state.files[$0].seen } ?? [] }
  }
}

extension FaultyDisk.Content {
  mutating func lose(_ generator: inout SeededGenerator) {
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
  func change<Result>(
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
  mutating func loseWritesOfFailedSync() {
    for index in files.indices where !files[index].pending.isEmpty {
      let seen = files[index].seen
      files[index].lose(&generator)
      files[index].seen = seen
    }
  }
}
