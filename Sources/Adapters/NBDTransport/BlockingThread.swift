// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
internal import Synchronization

/// A thread of its own for work that blocks, which Swift's shared pool must not be used for.
package final class BlockingThread: Sendable {
  /// The system has no room for another thread.
  package struct StartFailure: Error, CustomStringConvertible {
    package let errno: Int32
    package var description: String {
      "cannot start a thread: \(String(cString: strerror(errno)))"
    }
  }

  /// What the thread is to do, handed over to it.
  private final class Work: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  private let thread: pthread_t
  private let isJoinable = Mutex(true)

  /// Starts a thread that runs `body` and ends.
  ///
  /// - Parameters:
  ///   - name: What tools show; cut to 15 bytes.
  ///   - body: May block as long as it likes.
  /// - Throws: `StartFailure` where the system has no room for another thread.
  package init(
    name: String,
    body: @escaping @Sendable () -> Void
  ) throws(StartFailure) {
    let work = Unmanaged.passRetained(Work(name: name, body: body))
    var thread = pthread_t()
    let failure = pthread_create(
      &thread,
      nil,
      { argument in
        guard let argument else { return nil }
        let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
        understudy_name_thread(work.name)
        work.body()
        return nil
      },
      work.toOpaque()
    )
    guard failure == 0 else {
      work.release()
      throw StartFailure(errno: failure)
    }
    self.thread = thread
  }

  deinit {
    // Nobody can join it any more: the system cleans up when it ends.
    if isJoinable.withLock({ $0 }) { pthread_detach(thread) }
  }

  /// Waits until the thread has ended; may be called by several threads, and again.
  package func join() {
    isJoinable.withLock { isJoinable in
      guard isJoinable else { return }
      precondition(pthread_equal(thread, pthread_self()) == 0, "a thread cannot wait for itself")
      pthread_join(thread, nil)
      isJoinable = false
    }
  }
}
