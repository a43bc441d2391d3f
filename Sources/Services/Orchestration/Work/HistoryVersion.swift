// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Synchronization

/// Changes with the tasks and events of the site, so that a peer which asks once a second whether
/// there is anything new costs no look into the store.
package final class HistoryVersion: Sendable {
  private let count: Mutex<Int64>

  /// A manager that was started again begins with a number that it did not have before.
  package init() { count = Mutex(WallTime.now.milliseconds) }

  package var value: Int64 { count.withLock(\.self) }

  func advance() { count.withLock { $0 += 1 } }
}
