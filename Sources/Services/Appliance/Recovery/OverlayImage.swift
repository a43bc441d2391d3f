// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import Processes

/// A qcow2 file that takes a recovered VM's writes, on top of a raw disk.
struct OverlayImage {
  let path: String
  /// Where QEMU finds the disk below.
  let backingAddress: String

  /// An overlay on a replica.
  init(path: String, replicaPath: String) {
    self.path = path
    backingAddress = replicaPath
  }

  /// An overlay on a point-in-time export.
  init(path: String, exportName: String, socketPath: String) {
    self.path = path
    backingAddress =
      "nbd+unix:///\(Self.escaped(exportName))?socket=\(Self.escaped(socketPath))"
  }

  /// Makes the file, unless it is there: a VM may have written to it.
  ///
  /// An export must be served, since qemu-img asks it for the size.
  func make() throws {
    let files = FileManager.default
    guard !files.fileExists(atPath: path) else { return }
    // Whole or not at all: a half-made overlay must not pass for one a VM has written to.
    let temporary = path + ".tmp"
    let (status, words) = try ChildProcess.run([
      "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", backingAddress, temporary,
    ])
    guard status == 0 else {
      unlink(temporary)
      throw ControlFailure(status: 500, message: "qemu-img: \(words)")
    }
    guard rename(temporary, path) == 0 else {
      throw ControlFailure(
        status: 500,
        message: "cannot make \(path): \(String(cString: strerror(errno)))"
      )
    }
  }

  /// Deletes the file; one that is gone is fine.
  func remove() throws {
    guard unlink(path) != 0, errno != ENOENT else { return }
    throw ControlFailure(
      status: 500,
      message: "cannot delete \(path): \(String(cString: strerror(errno)))"
    )
  }

  /// Percent-encodes all but what every URI parser takes literally.
  private static func escaped(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"):
        String(UnicodeScalar(byte))
      default:
        "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}
