// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a network card of a recovered guest is to be set to, once it has been found meaningful.
package struct CardAddresses: Sendable, Equatable {
  /// An address of one's own, or one that a DHCP server gives.
  package enum Source: Sendable, Equatable {
    case dhcp
    /// The network's DHCP server keeps this address for the card; the guest is left as it is.
    case reserved(address: String)
    case fixed(address: String, mask: String, prefixLength: Int, gateway: String?)
  }

  package var source: Source
  package var nameServers: [String]
  /// The domain that names without one are looked up in.
  package var suffix: String?

  /// Something that a wish cannot mean: the API's member, and why not.
  package struct Problem: Error, Equatable {
    package var member: String
    package var words: String
  }

  /// Reads a wish; nil if the guest's addresses are to be left as they are.
  package init?(_ wish: VPGDefinition.NICRecovery) throws(Problem) {
    guard wish.changesAddresses, wish.replacesAddresses != false else { return nil }
    nameServers = []
    for (member, server) in [("PrimaryDns", wish.primaryDNS), ("SecondaryDns", wish.secondaryDNS)] {
      guard let server else { continue }
      nameServers.append(try Self.address(server, "IpConfig.\(member)"))
    }
    suffix = wish.dnsSuffix
    if let suffix, !Self.isDomain(suffix) {
      throw Problem(member: "DnsSuffix", words: "\(suffix) is no name of a domain")
    }
    if wish.usesDHCP {
      source = try Self.dhcp(wish)
      return
    }
    guard let address = wish.address else {
      throw Problem(member: "IpConfig.StaticIp", words: "give an address, or let IsDhcp be true")
    }
    guard let mask = wish.subnetMask else {
      throw Problem(member: "IpConfig.SubnetMask", words: "an address needs its mask")
    }
    guard let prefixLength = Self.prefixLength(mask), (1...32).contains(prefixLength) else {
      throw Problem(member: "IpConfig.SubnetMask", words: "\(mask) is no mask of an IPv4 network")
    }
    var gateway: String?
    if let wish = wish.gateway { gateway = try Self.address(wish, "IpConfig.Gateway") }
    source = .fixed(
      address: try Self.address(address, "IpConfig.StaticIp"),
      mask: mask,
      prefixLength: prefixLength,
      gateway: gateway
    )
  }

  /// What the server is to give; all but the address it knows itself.
  private static func dhcp(_ wish: VPGDefinition.NICRecovery) throws(Problem) -> Source {
    var others = [("SubnetMask", wish.subnetMask), ("Gateway", wish.gateway)]
    // A guest that is left as it is takes these from the server, too.
    if wish.address != nil {
      others += [("PrimaryDns", wish.primaryDNS), ("SecondaryDns", wish.secondaryDNS)]
    }
    for (member, value) in others where value != nil {
      throw Problem(
        member: "IpConfig.\(member)",
        words: "with IsDhcp it is the DHCP server's to give; leave it out"
      )
    }
    guard let wish = wish.address else { return .dhcp }
    return .reserved(address: try address(wish, "IpConfig.StaticIp"))
  }

  private static func address(_ text: String, _ member: String) throws(Problem) -> String {
    guard number(text) != nil else {
      throw Problem(member: member, words: "\(text) is no IPv4 address")
    }
    return text
  }

  /// An IPv4 address in its usual form, as a number.
  private static func number(_ text: String) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      guard part.utf8.allSatisfy({ (48...57).contains($0) }), let byte = UInt8(part) else {
        return nil
      }
      number = number << 8 | UInt32(byte)
    }
    return number
  }

  private static func prefixLength(_ mask: String) -> Int? {
    guard let number = number(mask) else { return nil }
    let length = (~number).leadingZeroBitCount
    return number == (length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length)) ? length : nil
  }

  /// Letters, digits, hyphens and dots: nothing that a guest's files could take for anything else.
  private static func isDomain(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count < 254
      && text.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
          || $0 == 46
      }
  }
}

extension VPGDefinition.NICRecovery {
  /// The address that the network's DHCP server is to keep for the card; nil is none.
  package var reservedAddress: String? {
    guard case .reserved(let address)? = (try? CardAddresses(self))?.source else { return nil }
    return address
  }
}
