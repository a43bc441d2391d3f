// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Simulation
import Synchronization

/// Runs many seeds, or one again.
enum Soak {
  private static let steps = 1500

  private struct Progress {
    var next: UInt64
    var done: UInt64 = 0
    var failed: (seed: UInt64, violation: Violation)?
    var counts = ReplicationWorld.Counts()
  }

  /// What the threads share.
  private final class Board: Sendable {
    let progress: Mutex<Progress>

    init(first: UInt64) { progress = Mutex(Progress(next: first)) }
  }

  /// Runs seeds until one fails.
  ///
  /// - Returns: Whether all was well.
  static func run(_ seeds: Range<UInt64>) async -> Bool {
    CrashedSeed.tell()
    let board = Board(first: seeds.lowerBound)
    let clock = ContinuousClock()
    let start = clock.now
    await withTaskGroup { group in
      for _ in 0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) {
        group.addTask { work(seeds, board) }
      }
    }
    let seconds = Double((clock.now - start) / .milliseconds(1)) / 1000
    let result = board.progress.withLock { $0 }
    let rate = Int(Double(result.done) / max(seconds, 0.001))
    if let failed = result.failed {
      print("seed \(failed.seed) \(failed.violation)")
      _ = replay(failed.seed, lines: 60)
      print("again: scripts/soak replay \(failed.seed)")
      return false
    }
    print("\(result.done) seeds in \(Int(seconds)) s, \(rate) a second, nothing found")
    print("\(result.counts)")
    return true
  }

  /// One thread's share: the lowest failing seed is the one that is told.
  private static func work(_ seeds: Range<UInt64>, _ board: Board) {
    while true {
      let seed = board.progress.withLock { progress -> UInt64? in
        guard progress.failed == nil, progress.next < seeds.upperBound else { return nil }
        defer { progress.next += 1 }
        return progress.next
      }
      guard let seed else { return }
      CrashedSeed.isRunning(seed)
      let world = ReplicationWorld(seed: seed)
      let violation: Violation?
      do throws(Violation) {
        try world.run(steps: steps)
        violation = nil
      } catch { violation = error }
      board.progress.withLock { progress in
        progress.done += 1
        progress.counts.add(world.counts)
        if let violation, progress.failed.map({ seed < $0.seed }) ?? true {
          progress.failed = (seed, violation)
        }
      }
    }
  }

  /// Runs one seed and prints what happened last.
  static func replay(_ seed: UInt64, lines: Int = .max) -> Bool {
    CrashedSeed.tell()
    CrashedSeed.isRunning(seed)
    let world = ReplicationWorld(seed: seed, isTraced: true)
    do throws(Violation) {
      try world.run(steps: steps)
      print("seed \(seed): nothing found")
      return true
    } catch {
      for line in world.lastEvents.suffix(lines) { print("  \(line)") }
      print("seed \(seed) \(error)")
      return false
    }
  }
}
