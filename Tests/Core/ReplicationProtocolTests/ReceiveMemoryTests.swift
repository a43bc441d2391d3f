// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Simulation
import Testing

struct ReceiveMemoryTests {
  static let limit = 1000

  @Test func `one link alone may hold half of the limit and a frame`() {
    var memory = ReceiveMemory(byteLimit: Self.limit)
    let link = memory.join()
    while memory.mayRead(link) { memory.take(100, by: link) }
    #expect(memory.byteCount == 500)
    #expect(memory.give(100, of: link) == [link])
    #expect(memory.mayRead(link))
  }

  @Test func `a link whose disk is stuck keeps no other from going on`() {
    var memory = ReceiveMemory(byteLimit: Self.limit)
    let stuck = (0..<20).map { _ in memory.join() }
    for link in stuck {
      while memory.mayRead(link) { memory.take(90, by: link) }
    }
    let other = memory.join()
    for _ in 0..<100 {
      #expect(memory.mayRead(other))
      memory.take(400, by: other)
      _ = memory.give(400, of: other)
    }
  }

  @Test func `what a link held is free once it is over`() {
    var memory = ReceiveMemory(byteLimit: Self.limit)
    let (gone, other) = (memory.join(), memory.join())
    while memory.mayRead(gone) { memory.take(100, by: gone) }
    while memory.mayRead(other) { memory.take(100, by: other) }
    #expect(memory.leave(gone) == [other])
    memory.take(100, by: gone)
    #expect(memory.give(100, of: gone).isEmpty)
    #expect(memory.give(memory.byteCount, of: other).isEmpty)
    #expect(memory.byteCount == 0)
  }

  @Test(arguments: 0..<50)
  func `all together hold the limit and a frame each, and nobody is forgotten`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var memory = ReceiveMemory(byteLimit: Self.limit)
    let links = (0..<Int.random(in: 1...9, using: &random)).map { _ in memory.join() }
    var held = [[Int]](repeating: [], count: links.count)
    var mayRead = [Bool](repeating: true, count: links.count)
    for _ in 0..<2000 {
      let index = Int.random(in: links.indices, using: &random)
      if mayRead[index], Bool.random(using: &random) {
        held[index].append(Int.random(in: 1...120, using: &random))
        memory.take(held[index].last ?? 0, by: links[index])
        mayRead[index] = memory.mayRead(links[index])
      } else if !held[index].isEmpty {
        for link in memory.give(held[index].removeFirst(), of: links[index]) {
          if let woken = links.firstIndex(of: link) { mayRead[woken] = true }
        }
      }
      #expect(memory.byteCount == held.joined().reduce(0, +))
      #expect(memory.byteCount <= Self.limit + 120 * links.count)
      for index in links.indices where held[index].isEmpty { #expect(mayRead[index]) }
      #expect(mayRead.contains(true) || !held.joined().isEmpty)
    }
  }
}
