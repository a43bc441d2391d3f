// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Where work that outlives the call that began it runs: a task group somebody awaits.
///
/// Work handed in before run() waits for it; work handed in after it has ended is dropped,
/// which only happens while the manager stops.
package final class WorkScope: Sendable {
  package typealias Work = @Sendable () async -> Void

  private let queue: AsyncStream<Work>
  private let entrance: AsyncStream<Work>.Continuation

  package init() {
    (queue, entrance) = AsyncStream.makeStream()
  }

  /// Has `work` run beside everything else in the scope.
  package func start(_ work: @escaping Work) { entrance.yield(work) }

  /// Runs what is handed in, until the calling task is cancelled; then cancels the work and waits
  /// for it.
  package func run() async {
    await withDiscardingTaskGroup { group in
      for await work in queue { group.addTask { await work() } }
      group.cancelAll()
    }
  }
}
