// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A folder of the machine's that sites mount a folder of their own on.
enum MountFolder {
  /// Removes a folder if it is empty and nobody has anything mounted on it.
  ///
  /// rmdir(2) refuses only what is mounted in the caller's own namespace; in all others it takes
  /// the mount away, under the feet of another lab's libvirtd. A folder that another lab uses
  /// stays, then, empty: that lab did not make it, so its end leaves it, too.
  static func removeIfUnused(_ folder: String) {
    if !isMountedOn(folder) { rmdir(folder) }
  }

  /// Whether a process has something mounted on the folder, in whatever namespace.
  private static func isMountedOn(_ folder: String) -> Bool {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.contains { process in
      guard Int32(process) != nil,
        let mounts = FileManager.default.contents(atPath: "/proc/\(process)/mountinfo")
      else { return false }
      // The fifth field of proc(5) is the mount point.
      return String(decoding: mounts, as: UTF8.self).split(separator: "\n")
        .contains { $0.split(separator: " ").dropFirst(4).first == folder[...] }
    }
  }
}
