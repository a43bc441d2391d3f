// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Says which seed it was when a precondition ends the process.
enum CrashedSeed {
  /// Each thread's seed, plus one.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  static func isRunning(_ seed: UInt64) {
    pthread_setspecific(key, UnsafeRawPointer(bitPattern: UInt(seed) + 1))
  }

  /// From here on a crash names its seed before it ends the process.
  static func tell() {
    _ = key
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGBUS] {
      signal(number) { number in
        // Only what is allowed in a handler: no memory is taken here.
        var digits: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (
          48, 48, 48, 48, 48, 48, 48, 48, 48, 48
        )
        var rest = UInt(bitPattern: pthread_getspecific(CrashedSeed.key)) &- 1
        withUnsafeMutableBytes(of: &digits) { digits in
          for place in stride(from: 9, through: 0, by: -1) {
            digits[place] = UInt8(48 + rest % 10)
            rest /= 10
          }
          write(1, "seed ", 5)
          write(1, digits.baseAddress, 10)
          write(1, " crashed\n", 9)
        }
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }
}
