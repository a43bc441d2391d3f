// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDTransport
import Synchronization
import Testing

struct BlockingThreadTests {
  @Test func `join waits for the end, from several threads and again`() throws {
    let hasEnded = Atomic(false)
    let start = DispatchSemaphore(value: 0)
    let thread = try BlockingThread(name: "waiting") {
      start.wait()
      hasEnded.store(true, ordering: .releasing)
    }
    let sawEnd = Mutex(0)
    let others = try (0..<3).map { _ in
      try BlockingThread(name: "joining") {
        thread.join()
        if hasEnded.load(ordering: .acquiring) { sawEnd.withLock { $0 += 1 } }
      }
    }
    start.signal()
    for other in others { other.join() }
    thread.join()
    #expect(sawEnd.withLock { $0 } == 3)
  }

  @Test func `a thread shows its name, cut to what the system keeps`() throws {
    let shown = Mutex("")
    let thread = try BlockingThread(name: "a-name-that-is-too-long") {
      let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
      shown.withLock { $0 = name ?? "" }
    }
    thread.join()
    #expect(shown.withLock { $0 } == "a-name-that-is-\n")
  }

  @Test func `a thread nobody joins runs to its end`() throws {
    let ended = DispatchSemaphore(value: 0)
    _ = try BlockingThread(name: "alone") { ended.signal() }
    #expect(ended.wait(timeout: .now() + 20) == .success)
  }
}
