// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The time from one start of the machine to the next.
///
/// A container that is started again is meant, too: no process of before is left in it either.
enum MachineRun {
  /// Names the present run: no other has this name.
  static func identifier() throws -> String {
    let boot = try text("/proc/sys/kernel/random/boot_id")
    // A container shares the kernel, and so the boot, but its first process is its own.
    let first = try text("/proc/1/stat")
    // The 22nd field of proc(5) is the start; the second, in brackets, may have blanks.
    let fields = first[(first.lastIndex(of: ")") ?? first.startIndex)...].split(separator: " ")
    guard fields.count > 20 else { throw LabError("/proc/1/stat has no start: \(first)") }
    return "\(boot) \(fields[20])"
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
