// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Dispatch
internal import RecoveryModel
internal import Synchronization

/// Something that is done with one disk, takes long, is asked about meanwhile, and can be ended.
final class DiskJob<Outcome: Sendable>: Sendable {
  private enum Phase {
    case waiting
    case running
    case done(Outcome)
    case failed(String)
    /// Ended before it began.
    case unwanted
  }

  private struct State {
    var phase = Phase.waiting
    var isUnwanted = false
    var byteCount: UInt64 = 0
  }

  private let work: @Sendable (DiskJob) throws -> Outcome
  private let state = Mutex(State())
  private let running = DispatchGroup()

  /// `work` is to call ``checkIsWanted()`` often.
  init(_ work: @escaping @Sendable (DiskJob) throws -> Outcome) { self.work = work }

  /// Does it, unless it is not wanted any more.
  func run() {
    let begins = state.withLock { state in
      guard case .waiting = state.phase else { return false }
      state.phase = .running
      running.enter()
      return true
    }
    guard begins else { return }
    let phase: Phase
    do { phase = .done(try work(self)) } catch { phase = .failed(words(error)) }
    state.withLock { $0.phase = phase }
    running.leave()
  }

  /// Returns when nothing is done any more.
  func end() {
    state.withLock { state in
      state.isUnwanted = true
      if case .waiting = state.phase { state.phase = .unwanted }
    }
    running.wait()
  }

  // MARK: How it is

  var byteCount: UInt64 { state.withLock { $0.byteCount } }

  /// Nil until it is done.
  var outcome: Outcome? {
    state.withLock { state in
      if case .done(let outcome) = state.phase { outcome } else { nil }
    }
  }

  /// Empty unless it failed.
  var failure: String {
    state.withLock { state in
      if case .failed(let failure) = state.phase { failure } else { "" }
    }
  }

  // MARK: For the work

  func count(_ byteCount: Int) { state.withLock { $0.byteCount += UInt64(byteCount) } }

  var isWanted: Bool { !state.withLock { $0.isUnwanted } }

  func checkIsWanted() throws {
    guard isWanted else { throw ControlFailure(status: 409, message: "the copy was ended") }
  }
}
