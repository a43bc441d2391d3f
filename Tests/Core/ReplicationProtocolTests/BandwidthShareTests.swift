// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

struct BandwidthShareTests {
  /// Senders that always have more to send, on a link with a limit, in virtual time.
  struct Line: ~Copyable {
    var share = BandwidthShare(now: 0)
    var now: Int64 = 0
    var sent: [BandwidthShare.Member: Int] = [:]
    private var wishes: [BandwidthShare.Member: (byteCount: Int, isSync: Bool)] = [:]

    init(limit: UInt64?) { share.setLimit(limit, now: 0) }

    mutating func add(
      _ priority: VPGDefinition.Priority,
      frame byteCount: Int,
      isSync: Bool = false
    ) -> BandwidthShare.Member {
      let member = share.join(priority)
      wishes[member] = (byteCount, isSync)
      share.ask(member, byteCount: byteCount, isSync: isSync)
      return member
    }

    mutating func run(until end: Int64) {
      while let next = share.nextGrant(now: now), next <= end {
        now = next
        guard let member = share.grant(now: now), let wish = wishes[member] else { continue }
        sent[member, default: 0] += wish.byteCount
        share.ask(member, byteCount: wish.byteCount, isSync: wish.isSync)
      }
      now = end
    }

    func sent(by member: BandwidthShare.Member) -> Double { Double(sent[member] ?? 0) }
  }

  @Test(arguments: [UInt64(20_000), 1_000_000, 125_000_000, 5_000_000_000])
  func `no more goes out than the limit, a burst and one frame, and hardly less`(limit: UInt64) {
    var line = Line(limit: limit)
    let frame = line.share.frameByteLimit
    let member = line.add(.medium, frame: frame)
    for second in Int64(1)...20 {
      line.run(until: second * 1000)
      let most = Double(limit) * Double(second) + Double(limit) / 20 + Double(frame)
      #expect(line.sent(by: member) <= most)
      #expect(line.sent(by: member) >= Double(limit) * Double(second) - Double(frame))
    }
  }

  @Test func `priorities share the link by weight, whatever the size of their frames`() {
    var line = Line(limit: 1_000_000)
    let low = line.add(.low, frame: 9_000)
    let medium = line.add(.medium, frame: 100_000)
    let high = line.add(.high, frame: 40_000)
    line.run(until: 100_000)
    let part = line.sent(by: low)
    #expect(abs(line.sent(by: medium) / part - 2) < 0.05)
    #expect(abs(line.sent(by: high) / part - 4) < 0.05)
    #expect(abs(part - 1_000_000 * 100 / 7) < 500_000)
  }

  @Test func `a sync goes below the live writes of every priority and never starves`() {
    var line = Line(limit: 1_000_000)
    let live = line.add(.low, frame: 50_000)
    let sync = line.add(.high, frame: 50_000, isSync: true)
    line.run(until: 100_000)
    #expect(line.sent(by: live) > 3.9 * line.sent(by: sync))
    #expect(line.sent(by: sync) > 0)
  }

  @Test func `what one does not use the others get, and nobody saves up turns`() throws {
    var line = Line(limit: 1_000_000)
    let early = line.add(.high, frame: 10_000)
    line.run(until: 10_000)
    #expect(line.sent(by: early) >= 9_990_000)
    // Who was not there gets its share from now on, not what it missed.
    let late = line.add(.high, frame: 10_000)
    line.sent = [:]
    line.run(until: 20_000)
    #expect(abs(line.sent(by: early) / line.sent(by: late) - 1) < 0.02)
  }

  @Test func `a new limit holds from its moment on`() {
    var line = Line(limit: 10_000_000)
    let member = line.add(.medium, frame: 16_384)
    line.run(until: 10_000)
    line.sent = [:]
    line.share.setLimit(1_000_000, now: 10_000)
    line.run(until: 20_000)
    #expect(abs(line.sent(by: member) - 10_000_000) < 1_100_000)
    line.sent = [:]
    line.share.setLimit(10_000_000, now: 20_000)
    line.run(until: 30_000)
    #expect(abs(line.sent(by: member) - 100_000_000) < 11_000_000)
  }

  @Test func `without a limit everybody goes at once`() {
    var share = BandwidthShare(now: 0)
    let first = share.join(.low)
    let second = share.join(.high)
    share.ask(first, byteCount: 1 << 20, isSync: false)
    share.ask(second, byteCount: 1 << 20, isSync: true)
    let granted = [share.grant(now: 0), share.grant(now: 0)]
    #expect(granted == [first, second])
    let none = share.grant(now: 0)
    #expect(none == nil)
    #expect(share.grantedByteCount == 2 << 20)
  }

  @Test func `who withdraws or leaves is passed over`() {
    var share = BandwidthShare(now: 0)
    share.setLimit(1000, now: 0)
    let first = share.join(.low)
    let second = share.join(.low)
    let third = share.join(.low)
    for member in [first, second, third] { share.ask(member, byteCount: 10, isSync: false) }
    share.withdraw(first)
    share.leave(second)
    let next = share.grant(now: 1000)
    #expect(next == third)
    #expect(share.waitingByteCount == 0)
  }
}
