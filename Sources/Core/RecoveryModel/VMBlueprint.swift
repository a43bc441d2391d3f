// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A protected VM as its own hypervisor describes it, with what the hypervisor keeps of it beside
/// its disks.
///
/// Only the adapter of that hypervisor reads what is in it; it may hold the passwords of consoles.
package struct VMBlueprint: Codable, Sendable, Equatable {
  /// The hypervisor's whole description of the VM as it is defined; of libvirt, the domain's XML.
  package var definition: String
  /// What the guest's firmware and its TPM have stored.
  package var files: [File]

  package init(definition: String, files: [File] = []) {
    self.definition = definition
    self.files = files
  }

  /// One small file.
  package struct File: Codable, Sendable, Equatable {
    package var kind: Kind
    package var name: String
    /// The file's content, as the adapter packs it.
    package var content: String

    package init(kind: Kind, name: String, content: String) {
      self.kind = kind
      self.name = name
      self.content = content
    }
  }

  /// What a file is to the VM.
  package enum Kind: String, Codable, Sendable {
    /// The variables of a UEFI firmware.
    case nvram
    /// The state of an emulated TPM.
    case tpm
  }
}
