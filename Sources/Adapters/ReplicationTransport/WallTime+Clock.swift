// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import RecoveryModel

extension WallTime {
  /// The instant by this machine's clock.
  ///
  /// Costs no system call.
  package static func ofThisMachine() -> WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}
