// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Hypervisor
import Processes

@testable import LibvirtHypervisor

/// A libvirtd that asks who connects, by SCRAM, and has nothing in common with others: its folders,
/// its devices and its network are its own.
final class SASLLibvirt: Sendable {
  private static let programs = ["/usr/sbin/libvirtd", "/usr/sbin/saslpasswd2", "/usr/bin/unshare"]
  static var isPossible: Bool {
    geteuid() == 0 && programs.allSatisfy(FileManager.default.isExecutableFile(atPath:))
  }

  let uri: String
  let folder: String
  private let daemon: Process

  /// Starts it, with these users, and waits until it answers them.
  init(_ users: [HypervisorAccount]) async throws {
    let folder = "/tmp/us-sasl-\(UInt32.random(in: .min ... .max))"
    self.folder = folder
    uri = "qemu+unix:///system?socket=\(folder)/sockets/libvirt-sock"
    daemon = Process()
    for name in ["etc", "lib", "run", "cache", "log", "sockets", "sasl"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)",
        withIntermediateDirectories: true
      )
    }
    try """
    unix_sock_dir = "\(folder)/sockets"
    auth_unix_rw = "sasl"
    auth_unix_ro = "sasl"

    """.write(toFile: "\(folder)/etc/libvirtd.conf", atomically: true, encoding: .utf8)
    try """
    security_driver = "none"
    cgroup_controllers = [ ]
    namespaces = [ ]
    stdio_handler = "file"

    """.write(toFile: "\(folder)/etc/qemu.conf", atomically: true, encoding: .utf8)
    try "mech_list: scram-sha-256\nsasldb_path: \(folder)/users.db\n"
      .write(toFile: "\(folder)/sasl/libvirt.conf", atomically: true, encoding: .utf8)
    for user in users { try setPassword(user) }
    try start()
    do {
      try await eventually("libvirt lets \(users[0].user) in") {
        (try? virsh(["capabilities"], as: users[0])) != nil
      }
    } catch {
      end()
      throw error
    }
  }

  private func start() throws {
    let mounts = [("etc", "/etc"), ("lib", "/var/lib"), ("run", "/run"), ("cache", "/var/cache")]
      .map { "mkdir -p \($1)/libvirt; mount --bind \(folder)/\($0) \($1)/libvirt" }
    daemon.executableURL = URL(filePath: "/usr/bin/unshare")
    daemon.arguments = [
      "-mn", "--propagation", "private", "sh", "-c",
      (mounts + [
        "mount --bind \(folder)/log /var/log/libvirt",
        // A KVM that nobody can use, else QEMU is asked about it with each connection.
        "if [ -e /dev/kvm ]; then mount --bind /etc/hosts /dev/kvm"
          + " && mount -o remount,bind,ro /dev/kvm; fi",
        "exec libvirtd -f \(folder)/etc/libvirtd.conf -p \(folder)/run/pid",
      ]).joined(separator: "\n"),
    ]
    var environment = ProcessInfo.processInfo.environment
    environment["SASL_CONF_PATH"] = folder + "/sasl"
    daemon.environment = environment
    daemon.standardInput = FileHandle.nullDevice
    daemon.standardOutput = FileHandle.nullDevice
    daemon.standardError = FileHandle.nullDevice
    try daemon.run()
  }

  /// What virsh says, as the guard that thaws guests runs it.
  func virsh(_ arguments: [String], as account: HypervisorAccount) throws -> String {
    let file = try ThawGuard.file(of: account)
    let path = "/proc/\(getpid())/fd/\(file.descriptor)"
    return try runToEnd(
      ["env", "LIBVIRT_AUTH_FILE=\(path)", "virsh", "-q", "-c", uri] + arguments
    )
  }

  func setPassword(_ user: HypervisorAccount) throws {
    let file = folder + "/password"
    try user.password.write(toFile: file, atomically: true, encoding: .utf8)
    try runToEnd([
      "sh", "-c",
      "/usr/sbin/saslpasswd2 -p -c -f \(folder)/users.db -a libvirt \(user.user) < \(file)",
    ])
  }

  func end() {
    daemon.terminate()
    daemon.waitUntilExit()
    try? FileManager.default.removeItem(atPath: folder)
  }
}
