// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

struct QuiesceRoundTests {
  private let one = VMIdentifier("one")
  private let two = VMIdentifier("two")

  private func round() -> QuiesceRound {
    QuiesceRound(over: [one, two], now: 0, limit: 2000, markTime: 100)
  }

  @Test func `all are frozen, then marked, then thawed`() {
    var round = round()
    #expect(round.firstActions == [.freeze(one), .freeze(two)])
    let half = round.frozen(one, now: 300) + round.frozen(one, now: 301)
    #expect(half.isEmpty)
    let all = round.frozen(two, now: 400)
    #expect(all == [.mark])
    let marked = round.marked()
    #expect(marked == [.thaw(one), .thaw(two)])
    let halfThawed = round.thawed(two)
    #expect(halfThawed.isEmpty)
    let end = round.thawed(one)
    #expect(end == [.finish(.quiesced)])
    let after = round.tick(now: 2000) + round.thawed(one) + round.marked()
    #expect(after.isEmpty)
  }

  @Test func `one that is not frozen has the others thawed, also those that answer later`() {
    var round = round()
    let refused = round.notFrozen(one, "no agent", isUntouched: true)
    #expect(refused.isEmpty)
    let late = round.frozen(two, now: 500)
    #expect(late == [.thaw(two)])
    let end = round.thawed(two)
    #expect(end == [.finish(.gaveUp(.notFrozen(one, "no agent")))])
  }

  @Test func `one of which nobody knows whether it is frozen is thawed`() {
    var round = round()
    _ = round.frozen(two, now: 1)
    let doubt = round.notFrozen(one, "no answer", isUntouched: false)
    #expect(doubt == [.thaw(one), .thaw(two)])
  }

  @Test func `a mark is tried again while there is time, and not after`() {
    var round = round()
    _ = round.frozen(one, now: 0)
    _ = round.frozen(two, now: 1)
    let again = round.notMarked("busy", now: 1900)
    #expect(again == [.mark])
    let over = round.notMarked("busy", now: 1901)
    #expect(over == [.thaw(one), .thaw(two)])
    _ = round.thawed(one)
    let end = round.thawed(two)
    #expect(end == [.finish(.gaveUp(.notMarked("busy")))])
  }

  @Test func `guests frozen too late for a mark are thawed without one`() {
    var round = round()
    _ = round.frozen(one, now: 1)
    let late = round.frozen(two, now: 1901)
    #expect(late == [.thaw(one), .thaw(two)])
    _ = round.thawed(one)
    let end = round.thawed(two)
    #expect(end == [.finish(.gaveUp(.limit))])
  }

  @Test func `at the limit all are thawed, whatever is under way`() {
    var freezing = round()
    _ = freezing.frozen(one, now: 1)
    let early = freezing.tick(now: 1999)
    #expect(early.isEmpty)
    let limit = freezing.tick(now: 2000)
    #expect(Set(limit) == [.thaw(one), .thaw(two)] && limit.count == 2)

    var marking = round()
    _ = marking.frozen(one, now: 1)
    _ = marking.frozen(two, now: 1)
    let thaws = marking.tick(now: 2000)
    #expect(thaws == [.thaw(one), .thaw(two)])
    let waiting = marking.thawed(one) + marking.thawed(two)
    #expect(waiting.isEmpty)
    // The mark was put in before the limit; only its answer was late.
    let end = marking.marked()
    #expect(end == [.finish(.quiesced)])
  }

  @Test func `a round that is abandoned freezes nobody for longer, but waits for a mark`() {
    var freezing = round()
    _ = freezing.frozen(one, now: 1)
    let thaws = freezing.abandon("stopping")
    #expect(Set(thaws) == [.thaw(one), .thaw(two)] && thaws.count == 2)
    var marking = round()
    _ = marking.frozen(one, now: 1)
    _ = marking.frozen(two, now: 1)
    let nothing = marking.abandon("stopping")
    #expect(nothing.isEmpty)
    let end = marking.marked()
    #expect(end == [.thaw(one), .thaw(two)])
  }

  @Test func `a freeze that is answered after its thaw was sent is thawed once more`() {
    var crossing = round()
    _ = crossing.frozen(one, now: 1)
    _ = crossing.tick(now: 2000)
    _ = crossing.thawed(one)
    // The answers cross: which came last in the guest is not known.
    let crossed = crossing.frozen(two, now: 2001)
    #expect(crossed.isEmpty)
    let again = crossing.thawed(two)
    #expect(again == [.thaw(two)])
    let end = crossing.thawed(two)
    #expect(end == [.finish(.gaveUp(.limit))])

    var late = round()
    _ = late.frozen(one, now: 1)
    _ = late.tick(now: 2000)
    let waiting = late.thawed(one) + late.thawed(two)
    #expect(waiting.isEmpty)
    let thaw = late.frozen(two, now: 9000)
    #expect(thaw == [.thaw(two)])
  }

  @Test func `in any order of answers every guest is thawed last, and the round ends`() {
    for seed in 0..<2000 as Range<UInt64> {
      var numbers = seed &* 0x9E37_79B9_7F4A_7C15 | 1
      func below(_ limit: Int) -> Int {
        numbers ^= numbers << 13
        numbers ^= numbers >> 7
        numbers ^= numbers << 17
        return Int(numbers % UInt64(limit))
      }
      var round = round()
      var pending = round.firstActions
      var isFrozen: [VMIdentifier: Bool] = [:]
      var now: Int64 = 0
      var outcome: QuiesceRound.Outcome?
      var wasAllFrozen = false
      for _ in 0..<200 where outcome == nil {
        now += Int64(below(400))
        var next = round.tick(now: now)
        if !pending.isEmpty {
          switch pending.remove(at: below(pending.count)) {
          case .freeze(let vm):
            isFrozen[vm] = below(8) > 0
            next +=
              isFrozen[vm] == true
              ? round.frozen(vm, now: now)
              : round.notFrozen(vm, "no", isUntouched: below(2) == 0)
          case .thaw(let vm):
            isFrozen[vm] = false
            next += round.thawed(vm)
          case .mark:
            if below(3) == 0 {
              next += round.notMarked("no", now: now)
            } else {
              wasAllFrozen = true
              next += round.marked()
            }
          case .finish: Issue.record("finished twice")
          }
        }
        for action in next {
          if case .finish(let end) = action { outcome = end } else { pending.append(action) }
        }
      }
      #expect(outcome != nil && pending.isEmpty, "seed \(seed)")
      #expect(!isFrozen.values.contains(true), "seed \(seed)")
      #expect(outcome != .quiesced || wasAllFrozen, "seed \(seed)")
    }
  }
}
