// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
internal import Hypervisor
internal import Processes
internal import Synchronization

/// A process of its own that thaws a guest, unless it is ended before its time.
///
/// QEMU's agent keeps a guest frozen until somebody thaws it, whatever becomes of who froze it. The
/// process outlives the manager, however that ends; it needs nothing of it but libvirt's `virsh`,
/// and the account where libvirt asks for one.
final class ThawGuard: Sendable {
  /// Waits, then thaws; a guest that is off or gone is given up after two minutes.
  ///
  private static let script = """
    sleep "$3"
    for attempt in $(seq 60); do
      virsh -q -c "$1" qemu-agent-command --timeout 10 "$2" "$4" && exit
      sleep 2
    done
    """

  /// An account in the form of libvirt's `auth.conf`, for a program of libvirt's.
  static func file(of account: HypervisorAccount) throws(ChildProcess.Failure) -> MemoryFile {
    try MemoryFile(
      """
      [credentials-understudy]
      authname=\(account.user)
      password=\(account.password)
      [auth-libvirt-default]
      credentials=understudy

      """
    )
  }

  private static let thaw = #"{"execute": "guest-fsfreeze-thaw"}"#

  /// Until it is ended.
  private let process: Mutex<ChildProcess?>

  /// Begins to wait `seconds` for a guest, by its UUID, of the libvirt at `uri`, which may ask for
  /// an account.
  ///
  /// - Throws: A failure if there would be nobody to thaw the guest.
  init(
    uri: String,
    account: HypervisorAccount?,
    uuid: String,
    seconds: Int
  ) throws(HypervisorError) {
    var environment = ProcessInfo.processInfo.environment
    let path = environment["PATH"] ?? "/usr/bin:/bin"
    let isThere = path.split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/virsh")
    }
    guard isThere else {
      throw .failed(operation: "freeze the file systems", reason: "virsh is not installed")
    }
    do {
      let file = try account.map(Self.file)
      if file != nil { environment["LIBVIRT_AUTH_FILE"] = "/dev/fd/3" }
      let process = try ChildProcess(
        ["/bin/sh", "-c", Self.script, "thaw-guard", uri, uuid, "\(seconds)", Self.thaw],
        environment: environment,
        in: "/",
        descriptors: [nil, nil, nil] + (file.map { [$0.descriptor] } ?? [])
      )
      self.process = Mutex(process)
    } catch {
      throw .failed(
        operation: "freeze the file systems",
        reason: "no guard can be started: \(error)"
      )
    }
  }

  deinit { process.withLock { $0?.leave() } }

  /// The guest is thawed: nobody need do it.
  func end() {
    let process = process.withLock { process in
      defer { process = nil }
      return process
    }
    guard let process else { return }
    process.send(SIGTERM)
    _ = process.wait()
  }
}
