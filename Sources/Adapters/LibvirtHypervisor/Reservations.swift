// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
package import Hypervisor
package import RecoveryModel

/// An address that a network's DHCP server keeps for a card.
struct Reservation: Equatable, Sendable {
  private static let name = "understudy:reservation"

  var network: String
  var macAddress: String
  var address: String

  /// As our mark in a domain's metadata remembers it.
  var element: XMLTree {
    XMLTree(Self.name, ["network": network, "mac": macAddress, "ip": address])
  }

  /// Those that were made for a domain.
  static func all(in domain: XMLTree) -> [Reservation] {
    (domain["metadata"]?[RecoveredDomain.mark]?.all(name) ?? []).compactMap { element in
      guard let network = element.attributes["network"], let mac = element.attributes["mac"],
        let address = element.attributes["ip"]
      else { return nil }
      return Reservation(network: network, macAddress: mac, address: address)
    }
  }
}

extension LibvirtHypervisor {
  package func reservedAddress(
    of macAddress: String,
    on network: NetworkIdentifier
  ) async throws(HypervisorError) -> String? {
    try await run { connection throws(HypervisorError) in
      guard let name = connection.identifiers.name(of: network) else {
        throw .noSuchNetwork(network)
      }
      return connection.reservations(on: name)
        .first { $0.macAddress.lowercased() == macAddress.lowercased() }?.address
    }
  }
}

extension LibvirtConnection {
  func isKept(_ reservation: Reservation) -> Bool {
    reservations(on: reservation.network).contains(reservation)
  }

  /// Has the network keep an address, now and when it is started anew; one that it keeps already
  /// is fine.
  func keep(_ reservation: Reservation) throws(HypervisorError) {
    guard !isKept(reservation) else { return }
    try update(reservation, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST)
  }

  /// Has the networks forget what they keep because of a domain.
  ///
  /// What somebody changed since is theirs.
  func releaseReservations(of domain: LibvirtDomain) throws(HypervisorError) {
    for reservation in Reservation.all(in: try domain.xml(ofDefinition: true))
    where isKept(reservation) {
      try update(reservation, VIR_NETWORK_UPDATE_COMMAND_DELETE)
    }
  }

  /// What a network keeps; nothing, if it is gone.
  fileprivate func reservations(on name: String) -> [Reservation] {
    guard let network = virNetworkLookupByName(pointer, name) else { return [] }
    defer { virNetworkFree(network) }
    guard let document = try? text(virNetworkGetXMLDesc(network, 0), "read a network"),
      let description = XMLTree(parsing: document)
    else { return [] }
    let hosts = description.all("ip").compactMap { $0["dhcp"] }.flatMap { $0.all("host") }
    return hosts.compactMap { host in
      guard let mac = host.attributes["mac"], let address = host.attributes["ip"] else {
        return nil
      }
      return Reservation(network: name, macAddress: mac, address: address)
    }
  }

  private func update(
    _ reservation: Reservation,
    _ command: virNetworkUpdateCommand
  ) throws(HypervisorError) {
    let operation = "change what the network \(reservation.network) reserves"
    guard let network = virNetworkLookupByName(pointer, reservation.network) else {
      throw LibvirtFailure.last(operation)
    }
    defer { virNetworkFree(network) }
    var flags: UInt32 = 0
    if virNetworkIsActive(network) == 1 { flags |= VIR_NETWORK_UPDATE_AFFECT_LIVE.rawValue }
    if virNetworkIsPersistent(network) == 1 { flags |= VIR_NETWORK_UPDATE_AFFECT_CONFIG.rawValue }
    let host = XMLTree("host", ["mac": reservation.macAddress, "ip": reservation.address])
    try LibvirtFailure.check(
      virNetworkUpdate(
        network,
        command.rawValue,
        VIR_NETWORK_SECTION_IP_DHCP_HOST.rawValue,
        // The network's one address with DHCP, whichever it is.
        -1,
        host.document,
        flags
      ),
      operation
    )
  }
}
