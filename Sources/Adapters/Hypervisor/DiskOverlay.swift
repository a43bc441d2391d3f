// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A qcow2 file that takes a VM's writes for a while, over the VM's own disk.
package struct DiskOverlay: Codable, Sendable, Equatable {
  /// The disk's name on the guest's bus.
  package var target: String
  package var path: String
  /// The VM's own file.
  package var basePath: String

  package init(target: String, path: String, basePath: String) {
    self.target = target
    self.path = path
    self.basePath = basePath
  }
}
