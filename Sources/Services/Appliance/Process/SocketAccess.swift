// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import FileRestore
internal import Foundation
internal import Glibc

/// Who but root may use the appliance's sockets: the user the hypervisor's processes run as.
///
/// QEMU connects to taps and exports, and makes the sockets from which disks are read. So that
/// user owns the sockets (mode 0600), may pass through the folder they are in (0710 for its
/// group), and has a folder of its own in it for those it makes (0700).
package struct SocketAccess: Sendable, Equatable {
  /// The user that libvirt's QEMU runs as on Debian.
  package static let usualUser = "libvirt-qemu"

  private let user: uid_t
  private let group: gid_t

  /// Nobody but the appliance's own user.
  package static let own = SocketAccess(user: geteuid(), group: getegid())

  private init(user: uid_t, group: gid_t) {
    self.user = user
    self.group = group
  }

  /// Looks a user up.
  ///
  /// Without a name it is ``usualUser`` if that one exists and the appliance may give files away,
  /// else the appliance's own.
  ///
  /// - Throws: A failure in words if a name is given and there is no such user.
  package init(userName: String?) throws {
    let name = userName ?? Self.usualUser
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16384)
    getpwnam_r(name, &entry, &buffer, buffer.count, &found)
    if found != nil, userName != nil || geteuid() == 0 {
      self.init(user: entry.pw_uid, group: entry.pw_gid)
    } else if userName == nil {
      self = .own
    } else {
      throw SocketAccessFailure(what: "there is no user", path: name, code: 0)
    }
  }

  /// Where QEMU makes its sockets, in the folder of ours.
  static func pullFolder(in runFolder: String) -> String { runFolder + "/pull" }

  /// Makes the folder of the sockets, and the one in it for those that QEMU makes.
  package func prepare(_ runFolder: String) throws {
    let pull = Self.pullFolder(in: runFolder)
    try FileManager.default.createDirectory(atPath: pull, withIntermediateDirectories: true)
    try own(pull, user, mode: 0o700)
    try own(runFolder, geteuid(), mode: 0o710)
  }

  /// Whom a reader of files runs as: the user who may connect; nil if that is the appliance's own.
  var readerUser: FileReader.User? {
    user == geteuid() ? nil : FileReader.User(user: user, group: group)
  }

  /// Lets the user connect to a socket.
  func admit(to socketPath: String) throws { try own(socketPath, user, mode: 0o600) }

  private func own(_ path: String, _ user: uid_t, mode: mode_t) throws {
    guard chown(path, user, group) == 0, chmod(path, mode) == 0 else {
      throw SocketAccessFailure(what: "cannot give away", path: path, code: errno)
    }
  }
}

/// Why sockets cannot be made usable.
private struct SocketAccessFailure: Error, CustomStringConvertible {
  let what: String
  let path: String
  let code: Int32

  var description: String {
    code == 0 ? "\(what) \(path)" : "\(what) \(path): \(String(cString: strerror(code)))"
  }
}
