// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Foundation
package import Hypervisor
package import RecoveryModel

// What a VM is beside its disks: its definition, and the files in which its firmware and its
// emulated TPM store what must not be lost, such as boot entries and the keys of an encrypted disk.

extension LibvirtHypervisor {
  package func blueprint(of vm: VMIdentifier) async throws(HypervisorError) -> VMBlueprint {
    try await run(on: .patient) { connection throws(HypervisorError) in
      let domain = try connection.domain(of: vm)
      let flags = VIR_DOMAIN_XML_INACTIVE.rawValue | VIR_DOMAIN_XML_SECURE.rawValue
      let definition = try text(
        virDomainGetXMLDesc(domain.pointer, flags),
        "read the VM's description"
      )
      var files: [VMBlueprint.File] = []
      for place in StatePlace.all(in: try domain.xml()) {
        files += try connection.files(at: place)
      }
      return VMBlueprint(definition: definition, files: files)
    }
  }
}

extension LibvirtConnection {
  /// Puts files where a domain that was never started finds them.
  func place(_ files: [VMBlueprint.File], of domain: LibvirtDomain) throws(HypervisorError) {
    for place in StatePlace.all(in: try domain.xml(ofDefinition: true)) {
      let wanted = files.filter { $0.kind == place.kind }
      guard !wanted.isEmpty, let folder = try HostFolder(place.folder, on: self, makes: true)
      else { continue }
      for file in wanted {
        guard let content = PackedFile.unpack(file.content) else {
          throw .failed(operation: "put \(file.name) in place", reason: "its content is damaged")
        }
        try folder.write(place.name ?? file.name, content, mode: place.mode)
      }
    }
  }

  fileprivate func files(at place: StatePlace) throws(HypervisorError) -> [VMBlueprint.File] {
    guard let folder = try HostFolder(place.folder, on: self, makes: false) else { return [] }
    var files: [VMBlueprint.File] = []
    let names =
      if let name = place.name { [name] } else {
        try folder.names.filter { $0.hasSuffix(".permall") }
      }
    for name in names {
      // The guest may be writing: what is read twice the same is whole.
      var content = try folder.read(name)
      for _ in 0..<3 {
        let again = try folder.read(name)
        if again == content { break }
        content = again
      }
      guard let content else { continue }
      files.append(
        VMBlueprint.File(kind: place.kind, name: name, content: PackedFile.pack(content))
      )
    }
    return files
  }
}

/// Where libvirt keeps files of a domain.
struct StatePlace: Equatable {
  var kind: VMBlueprint.Kind
  var folder: String
  /// The one file; nil is whatever the TPM has stored.
  var name: String?
  /// The files' mode, if we make them.
  ///
  /// libvirt gives the NVRAM to QEMU, and of the TPM the folder alone to `swtpm`; nobody else gets
  /// into that one.
  var mode: String { kind == .nvram ? "0600" : "0666" }

  /// The places of a domain, by its definition.
  static func all(in domain: XMLTree) -> [StatePlace] {
    var places: [StatePlace] = []
    if let path = nvramPath(domain), let slash = path.lastIndex(of: "/") {
      let name = String(path[path.index(after: slash)...])
      places.append(StatePlace(kind: .nvram, folder: String(path[..<slash]), name: name))
    }
    if let backend = domain["devices"]?["tpm"]?["backend"],
      backend.attributes["type"] == "emulator", let uuid = domain["uuid"]?.text
    {
      let version = backend.attributes["version"] == "1.2" ? "tpm1.2" : "tpm2"
      // The folder of the system's daemon, unless the definition names one.
      let folder =
        backend["source"]?.attributes["path"] ?? "/var/lib/libvirt/swtpm/\(uuid)/\(version)"
      places.append(StatePlace(kind: .tpm, folder: folder, name: nil))
    }
    return places
  }

  private static func nvramPath(_ domain: XMLTree) -> String? {
    guard let os = domain["os"], os["loader"]?.attributes["stateless"] != "yes" else { return nil }
    if let nvram = os["nvram"] {
      let path = nvram.text.isEmpty ? nvram["source"]?.attributes["file"] ?? "" : nvram.text
      if !path.isEmpty { return path }
    }
    // libvirt that has not chosen the firmware yet does not say where it will be.
    let isUEFI =
      os.attributes["firmware"] == "efi" || os["loader"]?.attributes["type"] == "pflash"
    guard isUEFI, let name = domain["name"]?.text else { return nil }
    return "/var/lib/libvirt/qemu/nvram/\(name)_VARS.fd"
  }
}
