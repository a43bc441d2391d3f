// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A lock with a condition, for threads that block: pthread's mutex and condition variable.
///
/// `@unchecked Sendable`: mutex and condition are made for use by many threads, and their memory
/// stays where it is until the last reference is gone.
package final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  package func lock() { pthread_mutex_lock(mutex) }

  package func unlock() { pthread_mutex_unlock(mutex) }

  /// Runs `body` with the lock held.
  package func withLock<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lock()
    defer { unlock() }
    return try body()
  }

  /// Lets go of the lock, which must be held, until somebody signals, and takes it again.
  ///
  /// May return without a reason.
  package func wait() { pthread_cond_wait(condition, mutex) }

  /// Like ``wait()``, at most up to a time of ``now()``.
  ///
  /// - Returns: False if the time has come.
  package func wait(until deadline: Int64) -> Bool {
    var time = timespec(
      tv_sec: Int(deadline / 1000),
      tv_nsec: Int(deadline % 1000) * 1_000_000
    )
    return pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
  }

  /// Wakes everybody who waits.
  package func broadcast() { pthread_cond_broadcast(condition) }

  /// Milliseconds of the machine's steady clock.
  package static func now() -> Int64 { microseconds() / 1000 }

  /// Microseconds of the machine's steady clock.
  package static func microseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}
