// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ReplicationProtocol

/// The memory of a listener's sessions for what is not durable yet, and the batches it is made of.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
final class ReceiveBudget: @unchecked Sendable {
  let batches = BatchPool()
  private let monitor = Monitor()
  private var memory: ReceiveMemory
  /// What tells a session that it may read on.
  private var wakers: [ReceiveMemory.Member: @Sendable () -> Void] = [:]

  init(byteLimit: Int) { memory = ReceiveMemory(byteLimit: byteLimit) }

  /// Adds a session; `wake` is called from any thread, and only posts that it may read on.
  func join(_ wake: @escaping @Sendable () -> Void) -> ReceiveMemory.Member {
    monitor.withLock {
      let member = memory.join()
      wakers[member] = wake
      return member
    }
  }

  func mayRead(_ member: ReceiveMemory.Member) -> Bool {
    monitor.withLock { memory.mayRead(member) }
  }

  func take(_ count: Int, by member: ReceiveMemory.Member) {
    monitor.withLock { memory.take(count, by: member) }
  }

  func give(_ count: Int, of member: ReceiveMemory.Member) {
    let woken = monitor.withLock { memory.give(count, of: member).compactMap { wakers[$0] } }
    for wake in woken { wake() }
  }

  func leave(_ member: ReceiveMemory.Member) {
    let woken = monitor.withLock {
      wakers[member] = nil
      return memory.leave(member).compactMap { wakers[$0] }
    }
    for wake in woken { wake() }
  }
}
