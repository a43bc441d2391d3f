// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Glibc
internal import Hypervisor

/// An open connection to a libvirt daemon.
///
/// Its calls block the calling thread.
///
/// `@unchecked Sendable`: libvirt connections may be used by any thread at once, and the pointer
/// never changes.
final class LibvirtConnection: @unchecked Sendable {
  let pointer: OpaquePointer
  let identifiers: LibvirtIdentifiers
  let hostName: String
  /// Such as `QEMU 7.2.22`.
  let version: String
  /// Whether the daemon asked who connects.
  let askedForAccount: Bool
  private let subscriptions: LibvirtSubscriptions

  /// Connects, and passes on what happens at the hypervisor from now on.
  ///
  /// `account`: Who connects, if the daemon asks.
  init(
    uri: String,
    group: String? = nil,
    account: HypervisorAccount? = nil,
    events: EventHub
  ) throws(HypervisorError) {
    LibvirtEventLoop.start()
    let logIn = LibvirtLogIn(account)
    let opened = try logIn.open(uri)
    askedForAccount = logIn.wasAsked
    // From here on the daemon is asked for a sign of life, so that a dead link is noticed.
    virConnectSetKeepAlive(opened, 5, 3)
    do throws(HypervisorError) {
      let description = try text(virConnectGetCapabilities(opened), "read the capabilities")
      guard let uuid = XMLTree(parsing: description)?["host"]?["uuid"]?.text else {
        throw HypervisorError.failed(
          operation: "read the capabilities",
          reason: "they do not name the host's UUID"
        )
      }
      identifiers = LibvirtIdentifiers(hypervisor: uuid.lowercased(), group: group)
      hostName = try text(virConnectGetHostname(opened), "read the host's name")
    } catch {
      virConnectClose(opened)
      throw error
    }
    version = Self.version(of: opened)
    pointer = opened
    subscriptions = LibvirtSubscriptions(opened, identifiers: identifiers, events: events)
  }

  deinit {
    subscriptions.cancel(on: pointer)
    virConnectClose(pointer)
  }

  /// Whether the link to the daemon stands, as far as is known without asking it.
  var isAlive: Bool { virConnectIsAlive(pointer) == 1 }

  /// The domain with that UUID, or nil.
  func domain(uuid: String) throws(HypervisorError) -> LibvirtDomain? {
    try found(virDomainLookupByUUIDString(pointer, uuid), "look up a VM")
  }

  /// The domain with that name, or nil.
  func domain(name: String) throws(HypervisorError) -> LibvirtDomain? {
    try found(virDomainLookupByName(pointer, name), "look up a VM")
  }

  /// Defines a domain, or changes the definition of the one with its UUID.
  func define(_ xml: XMLTree) throws(HypervisorError) -> LibvirtDomain {
    guard let domain = virDomainDefineXMLFlags(pointer, xml.document, 0) else {
      throw LibvirtFailure.last("define the VM")
    }
    return LibvirtDomain(domain)
  }

  private func found(
    _ domain: OpaquePointer?,
    _ operation: String
  ) throws(HypervisorError) -> LibvirtDomain? {
    if let domain { return LibvirtDomain(domain) }
    if LibvirtFailure.lastCode() == VIR_ERR_NO_DOMAIN { return nil }
    throw LibvirtFailure.last(operation)
  }

  private static func version(of connection: OpaquePointer) -> String {
    var number: UInt = 0
    let type = virConnectGetType(connection).map { String(cString: $0) } ?? "hypervisor"
    guard virConnectGetVersion(connection, &number) == 0 else { return type }
    return "\(type) \(number / 1_000_000).\(number / 1000 % 1000).\(number % 1000)"
  }
}

/// Takes over a text that libvirt allocated.
func text(
  _ allocated: UnsafeMutablePointer<CChar>?,
  _ operation: String
) throws(HypervisorError) -> String {
  guard let allocated else { throw LibvirtFailure.last(operation) }
  defer { free(allocated) }
  return String(cString: allocated)
}

/// Takes over an array of objects that libvirt allocated.
func list(
  _ operation: String,
  _ call: (inout UnsafeMutablePointer<OpaquePointer?>?) -> CInt
) throws(HypervisorError) -> [OpaquePointer] {
  var array: UnsafeMutablePointer<OpaquePointer?>?
  let count = call(&array)
  guard count >= 0 else { throw LibvirtFailure.last(operation) }
  defer { free(array) }
  return (0..<Int(count)).compactMap { array?[$0] }
}
