// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// The worker's sign of life: a byte to the supervisor five times a second.
///
/// Before each byte every lock of the data path is taken and let go, so that a worker whose
/// threads wait for each other falls silent as surely as one that is stopped. A supervisor that
/// is gone is noticed by the next byte, and the worker ends: without a supervisor nobody would
/// free the guests of a worker that hangs.
final class Heartbeat: Sendable {
  /// Time between two bytes.
  ///
  /// The supervisor waits ``Supervisor/patienceInMilliseconds``.
  static let intervalInMilliseconds: UInt32 = 200

  /// Starts the thread, which never ends.
  ///
  /// - Parameters:
  ///   - descriptor: The pipe to the supervisor.
  ///   - probe: Takes every lock of the data path and lets it go.
  static func start(on descriptor: Int32, probe: @escaping @Sendable () -> Void) {
    signal(SIGPIPE, SIG_IGN)
    let thread = Thread {
      var beat: UInt8 = 1
      while true {
        probe()
        if Glibc.write(descriptor, &beat, 1) != 1 && errno != EINTR {
          FileHandle.standardError.write(Data("The supervisor is gone; the worker ends.\n".utf8))
          _exit(3)
        }
        usleep(intervalInMilliseconds * 1000)
      }
    }
    thread.name = "heartbeat"
    thread.start()
  }
}
