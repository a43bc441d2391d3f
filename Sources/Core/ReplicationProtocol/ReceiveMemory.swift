// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Shares memory for what is received and not yet durable between the links of a listener.
///
/// A link may read on as long as it holds less than what is still free ("dynamic thresholds":
/// Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998). What must hold:
/// - All links together hold no more than the limit, and one frame for each.
/// - A link that holds nothing may read, so one whose disk is stuck keeps no other from going on.
/// - One link alone may hold half of the limit.
package struct ReceiveMemory {
  /// A link.
  package struct Member: Hashable, Sendable { fileprivate let number: UInt64 }

  /// What all links may hold, in bytes.
  package let byteLimit: Int
  /// What they hold, in bytes.
  package private(set) var byteCount = 0
  private var held: [Member: Int] = [:]
  private var paused: Set<Member> = []
  private var lastNumber: UInt64 = 0

  package init(byteLimit: Int) { self.byteLimit = byteLimit }

  /// Adds a link, which may read.
  package mutating func join() -> Member {
    lastNumber += 1
    let member = Member(number: lastNumber)
    held[member] = 0
    return member
  }

  /// Whether a link may read on.
  ///
  /// Once it may not, ``give(_:of:)`` or ``leave(_:)`` says when it may.
  package func mayRead(_ member: Member) -> Bool { !paused.contains(member) }

  /// A link has received something that keeps `count` bytes of memory.
  package mutating func take(_ count: Int, by member: Member) {
    guard let before = held[member] else { return }
    held[member] = before + count
    byteCount += count
    if !hasRoom(before + count) { paused.insert(member) }
  }

  /// A link has let go of `count` bytes of memory.
  ///
  /// - Returns: The links that may read on from now on.
  package mutating func give(_ count: Int, of member: Member) -> [Member] {
    guard let before = held[member], count > 0 else { return [] }
    precondition(count <= before, "memory that was never taken")
    held[member] = before - count
    byteCount -= count
    return wake()
  }

  /// A link is over, and all it held is let go of soon.
  ///
  /// - Returns: The links that may read on from now on.
  package mutating func leave(_ member: Member) -> [Member] {
    byteCount -= held.removeValue(forKey: member) ?? 0
    paused.remove(member)
    return wake()
  }

  private func hasRoom(_ heldByteCount: Int) -> Bool {
    heldByteCount == 0 || heldByteCount < byteLimit - byteCount
  }

  private mutating func wake() -> [Member] {
    guard !paused.isEmpty else { return [] }
    let woken = paused.filter { hasRoom(held[$0] ?? 0) }
    paused.subtract(woken)
    return Array(woken)
  }
}
