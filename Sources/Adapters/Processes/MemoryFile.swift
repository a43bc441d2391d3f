// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// A text that a program reads as a file, as often as it likes, and that is on no disk.
///
/// A program that has ``descriptor`` as its descriptor N finds it at `/dev/fd/N`.
package final class MemoryFile: Sendable {
  package let descriptor: Int32

  package init(_ text: String) throws(ChildProcess.Failure) {
    let made = understudy_memory_file()
    guard made >= 0 else {
      throw ChildProcess.Failure(
        description: "no file can be made in memory: \(String(cString: strerror(-made)))"
      )
    }
    descriptor = made
    let bytes = Array(text.utf8)
    guard write(made, bytes, bytes.count) == bytes.count else {
      throw ChildProcess.Failure(description: "a file in memory cannot be filled")
    }
  }

  deinit { close(descriptor) }
}
