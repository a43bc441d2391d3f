// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Finds out whether KVM works by using it: there are machines where `/dev/kvm` exists and hangs.
enum KVMProbe {
  /// Boots the guest's own kernel under KVM, and gives it a short while to come up.
  ///
  /// - Parameter disk: The guest's boot disk. It is not written to.
  /// - Returns: Whether the guest came up in time.
  /// - Throws: ``LabError`` if the probe itself could not be run.
  static func works(bootDisk disk: String) async throws -> Bool {
    guard FileManager.default.fileExists(atPath: "/dev/kvm") else { return false }
    let console = FileManager.default.temporaryDirectory
      .appending(path: "understudy-kvm-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: console) }
    let outcome = try await Program.attempt(
      ["sh", "-c", script, "sh", console.path(percentEncoded: false), disk],
      seconds: 30
    )
    return outcome.succeeded
  }

  /// A kernel under KVM is up in two or three seconds; one that takes longer than eight is no gain.
  ///
  /// The guest is killed and not waited for: it may be stuck in the kernel for good.
  private static let script = """
    qemu-system-x86_64 -accel kvm -machine pc -m 128 -nodefaults -no-user-config -display none \
      -snapshot -drive file="$2",format=raw,if=virtio -serial file:"$1" </dev/null 2>/dev/null &
    guest=$! result=1
    for i in $(seq 80); do
      grep -q GUEST-UP "$1" 2>/dev/null && result=0 && break
      kill -0 $guest 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL $guest 2>/dev/null
    exit $result
    """
}
