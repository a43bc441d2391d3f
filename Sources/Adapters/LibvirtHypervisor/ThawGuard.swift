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
/// process outlives the manager, however that ends; it needs nothing of it but libvirt's `virsh`.
final class ThawGuard: Sendable {
  /// Waits, then thaws; a guest that is off or gone is given up after two minutes.
  private static let script = """
    sleep "$3"
    for attempt in $(seq 60); do
      virsh -q -c "$1" qemu-agent-command --timeout 10 "$2" "$4" && exit
      sleep 2
    done
    """

  private static let thaw = #"{"execute": "guest-fsfreeze-thaw"}"#

  /// Until it is ended.
  private let process: Mutex<ChildProcess?>

  /// Begins to wait `seconds` for a guest, by its UUID, of the libvirt at `uri`.
  ///
  /// - Throws: A failure if there would be nobody to thaw the guest.
  init(uri: String, uuid: String, seconds: Int) throws(HypervisorError) {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let isThere = path.split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/virsh")
    }
    guard isThere else {
      throw .failed(operation: "freeze the file systems", reason: "virsh is not installed")
    }
    do {
      let process = try ChildProcess(
        ["/bin/sh", "-c", Self.script, "thaw-guard", uri, uuid, "\(seconds)", Self.thaw],
        in: "/"
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
