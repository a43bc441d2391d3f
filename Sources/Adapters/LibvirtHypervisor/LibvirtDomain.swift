// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Hypervisor

/// A domain of the connection it came from.
///
/// Used only on the thread that looked it up.
final class LibvirtDomain {
  let pointer: OpaquePointer

  /// Takes over a reference that libvirt gave.
  init(_ pointer: OpaquePointer) { self.pointer = pointer }

  deinit { virDomainFree(pointer) }

  var uuid: String {
    get throws(HypervisorError) { try Self.uuid(of: pointer) }
  }

  var name: String {
    get throws(HypervisorError) {
      guard let name = virDomainGetName(pointer) else { throw LibvirtFailure.last("read a name") }
      return String(cString: name)
    }
  }

  /// Whether it has a process, running or paused.
  var isActive: Bool {
    get throws(HypervisorError) {
      let result = virDomainIsActive(pointer)
      try LibvirtFailure.check(result, "read the VM's state")
      return result == 1
    }
  }

  /// The description: of the running VM if it runs, else the defined one.
  ///
  /// - Parameter isDefinition: Whether the definition is wanted in any case.
  /// - Returns: The root element, `domain`.
  /// - Throws: The failure of the call, or a description that is not XML.
  func xml(ofDefinition isDefinition: Bool = false) throws(HypervisorError) -> XMLTree {
    let flags = isDefinition ? VIR_DOMAIN_XML_INACTIVE.rawValue | VIR_DOMAIN_XML_SECURE.rawValue : 0
    let document = try text(virDomainGetXMLDesc(pointer, flags), "read the VM's description")
    guard let tree = XMLTree(parsing: document) else {
      throw .failed(operation: "read the VM's description", reason: "libvirt's XML is malformed")
    }
    return tree
  }

  func description(
    ofDefinition isDefinition: Bool = false
  ) throws(HypervisorError) -> DomainDescription {
    guard let description = DomainDescription(try xml(ofDefinition: isDefinition)) else {
      throw .failed(operation: "read the VM's description", reason: "it has no name or UUID")
    }
    return description
  }

  func start() throws(HypervisorError) {
    try LibvirtFailure.check(virDomainCreate(pointer), "start the VM")
  }

  /// Cuts the power; a VM that is off is left alone.
  func destroy() throws(HypervisorError) {
    guard try isActive else { return }
    if virDomainDestroyFlags(pointer, 0) < 0, LibvirtFailure.lastCode() != VIR_ERR_OPERATION_INVALID
    {
      throw LibvirtFailure.last("power the VM off")
    }
  }

  /// Deletes the definition with all that libvirt keeps beside it, but no disk.
  func undefine() throws(HypervisorError) {
    let flags =
      VIR_DOMAIN_UNDEFINE_MANAGED_SAVE.rawValue | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA.rawValue
      | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA.rawValue | VIR_DOMAIN_UNDEFINE_NVRAM.rawValue
      | VIR_DOMAIN_UNDEFINE_TPM.rawValue
    if virDomainUndefineFlags(pointer, flags) < 0, LibvirtFailure.lastCode() != VIR_ERR_NO_DOMAIN {
      throw LibvirtFailure.last("delete the VM's definition")
    }
  }

  /// The UUID of a domain that someone else owns.
  static func uuid(of domain: OpaquePointer) throws(HypervisorError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
    try LibvirtFailure.check(virDomainGetUUIDString(domain, &buffer), "read a UUID")
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
