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

  /// The third thread: keeps the next segment ready and the index small, as soon as asked to.
  func tend() {
    while waitForTending() {
      guard let journal = monitor.withLock({ journal }) else { continue }
      do { try journal.maintain() } catch {
        failed("the journal cannot be maintained", error)
        _ = waitUnlessStopping(until: Monitor.now() + Self.maintenanceMilliseconds)
      }
    }
  }

  /// False if the keeper stops.
  private func waitForTending() -> Bool {
    monitor.withLock {
      while !isStopping, !isTendingWanted { monitor.wait() }
      isTendingWanted = false
      return !isStopping
    }
  }

  /// Asks the third thread to do what there is.
  func wantTending(_ journal: StreamJournal) {
    guard journal.needsMaintenance else { return }
    monitor.withLock {
      isTendingWanted = true
      monitor.broadcast()
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
