// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

struct AcknowledgementHoldTests {
  private let first = Checkpoint(
    identifier: CheckpointIdentifier(7),
    time: WallTime(milliseconds: 1),
    tag: ""
  )
  private let second = Checkpoint(
    identifier: CheckpointIdentifier(8),
    time: WallTime(milliseconds: 2),
    tag: ""
  )

  @Test func `what was written before the place is acknowledged and sent, what comes after is not`()
  {
    var hold = AcknowledgementHold()
    let place = SequenceNumber(10)
    let isHeld = hold.begin(first, after: place, now: 1000, limit: 500)
    #expect(isHeld)
    #expect(hold.deadline(for: place) == nil)
    #expect(hold.deadline(for: place.next) == 1500)
    #expect(hold.lastSendable(of: SequenceNumber(15)) == place)
    #expect(hold.standing(of: first.identifier, now: 1499) == .held(after: place))
    hold.end(first.identifier, isMade: true, now: 1200)
    #expect(hold.deadline(for: place.next) == nil)
    #expect(hold.lastSendable(of: SequenceNumber(15)) == SequenceNumber(15))
    #expect(hold.standing(of: first.identifier, now: 1300) == .made)
    #expect(hold.lengths.last == 200)
  }

  @Test func `a hold ends by itself, and its mark comes too late then`() {
    var hold = AcknowledgementHold()
    _ = hold.begin(first, after: SequenceNumber(1), now: 0, limit: Int64.max)
    let longest = AcknowledgementHold.longestMicroseconds
    #expect(hold.deadline(for: SequenceNumber(2)) == longest)
    #expect(hold.standing(of: first.identifier, now: longest) == .gone)
    hold.expire(now: longest - 1)
    #expect(hold.held != nil)
    hold.expire(now: longest + 5)
    #expect(hold.held == nil)
    #expect(hold.standing(of: first.identifier, now: 0) == .gone)
    #expect(hold.lengths.voidCount == 1)
    #expect(hold.lengths.worst == longest)
  }

  @Test func `a repeated request holds once, and not again after the hold ended`() {
    var hold = AcknowledgementHold()
    let isHeld = hold.begin(first, after: SequenceNumber(1), now: 0, limit: 100)
    let isHeldAgain = hold.begin(first, after: SequenceNumber(5), now: 50, limit: 100)
    let isOtherHeld = hold.begin(second, after: SequenceNumber(5), now: 50, limit: 100)
    #expect(isHeld && isHeldAgain && !isOtherHeld)
    #expect(hold.held?.place == SequenceNumber(1))
    #expect(hold.held?.deadline == 100)
    hold.end(second.identifier, isMade: false, now: 60)
    #expect(hold.held != nil)
    hold.end(first.identifier, isMade: false, now: 60)
    let isHeldLate = hold.begin(first, after: SequenceNumber(6), now: 70, limit: 100)
    #expect(!isHeldLate)
    let isNextHeld = hold.begin(second, after: SequenceNumber(6), now: 70, limit: 100)
    #expect(isNextHeld)
  }

  @Test func `a request that comes after its own release does not hold`() {
    var hold = AcknowledgementHold()
    hold.end(first.identifier, isMade: false, now: 0)
    let isHeld = hold.begin(first, after: SequenceNumber(1), now: 1, limit: 100)
    #expect(!isHeld)
  }

  @Test func `a stream that loses its order gets no mark and lets its guest go`() {
    var hold = AcknowledgementHold()
    _ = hold.begin(first, after: SequenceNumber(1), now: 0, limit: 100)
    hold.breakOff()
    #expect(hold.deadline(for: SequenceNumber(2)) == nil)
    #expect(hold.standing(of: first.identifier, now: 11) == .gone)
  }
}
