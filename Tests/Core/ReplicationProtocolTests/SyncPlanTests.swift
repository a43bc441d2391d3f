// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ReplicationProtocol
import Testing

struct SyncPlanTests {
  @Test func `every byte of every volume is compared once also when links are lost`() {
    var plan = SyncPlan(volumeSizes: [2500, 0, 1000], stepByteCount: 1000, lookahead: 2)
    var compared: [SyncPlan.Step] = []
    var rounds = 0
    while true {
      while plan.ask() != nil {}
      guard let step = plan.current else { break }
      rounds += 1
      if rounds % 2 == 0 {
        plan.forgetQuestions()
        continue
      }
      compared.append(step)
      plan.finish()
    }
    #expect(compared.map(\.volume) == [0, 0, 0, 2])
    #expect(compared.map(\.offset) == [0, 1000, 2000, 0])
    #expect(compared.map(\.byteCount) == [1000, 1000, 500, 1000])
    #expect(plan.progress == 1)
  }

  @Test func `only the given ranges are compared`() {
    var plan = SyncPlan(
      ranges: [[100..<250, 300..<400], [], [50..<60]],
      stepByteCount: 100,
      lookahead: 2
    )
    var compared: [String] = []
    while true {
      while plan.ask() != nil {}
      if compared.count == 1 { plan.forgetQuestions() }
      while plan.ask() != nil {}
      guard let step = plan.current else { break }
      compared.append("\(step.volume):\(step.offset)+\(step.byteCount)")
      plan.finish()
    }
    #expect(compared == ["0:100+100", "0:200+50", "0:300+100", "2:50+10"])
    #expect(plan.progress == 1)
    var empty = SyncPlan(ranges: [[], [0..<0]])
    let isNothing = empty.ask() == nil
    #expect(isNothing)
    #expect(empty.progress == 1)
  }

  @Test func `how far each volume is compared is known, and what went before counts`() {
    var plan = SyncPlan(
      ranges: [[0..<100, 300..<400], [], [200..<400]],
      stepByteCount: 100,
      lookahead: 2,
      wholeByteCount: 1000
    )
    func compared(_ plan: borrowing SyncPlan) -> [UInt64] {
      (0..<3).map { plan.comparedByteCount(of: $0, size: 400) }
    }
    #expect(plan.progress == 0.6)
    var seen = [compared(plan)]
    while true {
      while plan.ask() != nil {}
      if plan.current == nil { break }
      // Asked is not compared.
      let asked = compared(plan)
      #expect(asked == seen.last)
      plan.finish()
      seen.append(compared(plan))
    }
    #expect(
      seen == [
        [0, 400, 200], [300, 400, 200], [400, 400, 200], [400, 400, 300], [400, 400, 400],
      ]
    )
    #expect(plan.progress == 1)
  }

  @Test func `questions run ahead no further than allowed`() {
    var plan = SyncPlan(volumeSizes: [10_000], stepByteCount: 1000, lookahead: 3)
    var count = 0
    while plan.ask() != nil { count += 1 }
    #expect(count == 3)
    plan.finish()
    #expect(plan.progress == 0.1)
    let isAnother = plan.ask() != nil
    let isOneMore = plan.ask() != nil
    #expect(isAnother && !isOneMore)
  }
}

struct PullConflictsTests {
  @Test func `what was noted is left out byte for byte`() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      var conflicts = PullConflicts(capacity: 32)
      conflicts.watch(100..<200)
      var isTouched = [Bool](repeating: false, count: 300)
      for _ in 0..<Int.random(in: 0...10, using: &generator) {
        let start = Int.random(in: 0..<280, using: &generator)
        let count = Int.random(in: 1...20, using: &generator)
        conflicts.note(offset: UInt64(start), byteCount: UInt64(count))
        for byte in start..<start + count { isTouched[byte] = true }
      }
      var isLeft = [Bool](repeating: false, count: 300)
      for range in conflicts.untouched(of: 120..<180) {
        for byte in range { isLeft[Int(byte)] = true }
      }
      for byte in 120..<180 { #expect(isLeft[byte] == !isTouched[byte]) }
      #expect(!isLeft[..<120].contains(true) && !isLeft[180...].contains(true))
    }
  }

  @Test func `too many ranges are said to be too many`() {
    var conflicts = PullConflicts(capacity: 4)
    conflicts.watch(0..<1000)
    for index in 0..<4 as Range<UInt64> { conflicts.note(offset: index * 10, byteCount: 1) }
    #expect(!conflicts.isOverflowed)
    conflicts.note(offset: 30, byteCount: 5)
    #expect(!conflicts.isOverflowed, "a range that grows the last one takes no room")
    conflicts.note(offset: 500, byteCount: 1)
    #expect(conflicts.isOverflowed)
    conflicts.watch(0..<10)
    #expect(!conflicts.isOverflowed)
  }
}
