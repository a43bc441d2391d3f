// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Journal
internal import RecoveryModel
internal import ReplicationTransport

extension JournalKeeper {
  /// The second thread: shortens the history, and saves how far a first sync came.
  func maintain() {
    var next = Monitor.now() + Self.maintenanceMilliseconds
    while waitUnlessStopping(until: next) {
      if let journal = monitor.withLock({ journal }) {
        let now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        do { try journal.enforceRetention(now: now) } catch {
          failed("the journal's history cannot be shortened", error)
        }
        saveProgress(of: journal)
      }
      next = Monitor.now() + Self.maintenanceMilliseconds
    }
  }

  /// False if the keeper stops.
  private func waitUnlessStopping(until deadline: Int64) -> Bool {
    monitor.withLock {
      while !isStopping {
        if !monitor.wait(until: deadline) { return !isStopping }
      }
      return false
    }
  }
}
