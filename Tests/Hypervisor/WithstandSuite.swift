// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

extension LabTests {
  /// What can go wrong around a protected VM, against real QEMU and libvirt.
  @Suite("What it withstands", .serialized, .breakableLab)
  struct Withstand {}
}
