// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Glibc
internal import RecoveryModel

/// What decides at a host how another one's VM is defined there.
struct HostTraits: Equatable, Sendable {
  /// Whether KVM runs that architecture and machine.
  var offersKVM = false
  /// The firmware images libvirt knows there.
  var loaders: Set<String> = []
}

extension LibvirtConnection {
  /// What the host says of that architecture and machine; `allowsKVM` is whether KVM counts at all.
  func traits(for hardware: VMHardware, allowsKVM: Bool) -> HostTraits {
    let accelerated = allowsKVM ? capabilities(hardware, "kvm") : nil
    let found = accelerated ?? capabilities(hardware, "qemu")
    let loaders = found?["os"]?["loader"]?.all("value").map(\.text) ?? []
    return HostTraits(offersKVM: accelerated != nil, loaders: Set(loaders))
  }

  private func capabilities(_ hardware: VMHardware, _ type: String) -> XMLTree? {
    let text = virConnectGetDomainCapabilities(
      pointer,
      nil,
      hardware.architecture,
      hardware.machine,
      type,
      0
    )
    guard let text else { return nil }
    defer { free(text) }
    return XMLTree(parsing: String(cString: text))
  }
}
