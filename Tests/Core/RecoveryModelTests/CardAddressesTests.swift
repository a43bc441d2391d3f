// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

struct CardAddressesTests {
  private func wish(
    _ address: String? = "10.1.2.3",
    _ mask: String? = "255.255.254.0",
    change: (inout VPGDefinition.NICRecovery) -> Void = { _ in }
  ) -> VPGDefinition.NICRecovery {
    var wish = VPGDefinition.NICRecovery()
    (wish.address, wish.subnetMask) = (address, mask)
    change(&wish)
    return wish
  }

  @Test func `an address with all that belongs to it is read`() throws {
    let read = try CardAddresses(
      wish {
        ($0.gateway, $0.primaryDNS, $0.secondaryDNS) = ("10.1.2.1", "10.1.2.4", "9.9.9.9")
        $0.dnsSuffix = "shop.example"
      }
    )
    #expect(
      read?.source
        == .fixed(
          address: "10.1.2.3",
          mask: "255.255.254.0",
          prefixLength: 23,
          gateway: "10.1.2.1"
        )
    )
    #expect(read?.nameServers == ["10.1.2.4", "9.9.9.9"] && read?.suffix == "shop.example")
    #expect(try CardAddresses(wish(nil, nil) { $0.usesDHCP = true })?.source == .dhcp)
    #expect(
      try CardAddresses(wish("10.1.2.3", nil) { $0.usesDHCP = true })?.source
        == .reserved(address: "10.1.2.3")
    )
  }

  @Test func `no wish, and one that is switched off, leave the guest alone`() throws {
    #expect(try CardAddresses(wish(nil, nil)) == nil)
    #expect(try CardAddresses(wish { $0.replacesAddresses = false }) == nil)
  }

  @Test func `every mask of a network is read, and nothing else`() throws {
    for length in 1...32 {
      let bits = ~UInt32(0) << UInt32(32 - length)
      let mask = [24, 16, 8, 0].map { String(bits >> UInt32($0) & 255) }.joined(separator: ".")
      guard case .fixed(_, _, let found, _) = try CardAddresses(wish("1.1.1.1", mask))?.source
      else {
        Issue.record("\(mask)")
        continue
      }
      #expect(found == length)
    }
    for mask in ["0.0.0.0", "255.0.255.0", "255.255.255.256", "24", "", "255.255.255"] {
      #expect(throws: CardAddresses.Problem.self) { try CardAddresses(wish("1.1.1.1", mask)) }
    }
  }

  @Test(arguments: [
    ("10.1.2", "IpConfig.StaticIp"), ("10.1.2.3.4", "IpConfig.StaticIp"),
    ("10.1.2.x", "IpConfig.StaticIp"), ("+1.1.1.1", "IpConfig.StaticIp"),
    ("10.1.2.3 && reboot", "IpConfig.StaticIp"), ("fe80::1", "IpConfig.StaticIp"),
  ])
  func `an address that is none is named`(address: String, member: String) {
    let problem = #expect(throws: CardAddresses.Problem.self) {
      try CardAddresses(wish(address))
    }
    #expect(problem?.member == member)
  }

  @Test func `what cannot be meant is named by its member`() {
    let cases: [(VPGDefinition.NICRecovery, String)] = [
      (wish("10.0.0.1", nil), "IpConfig.SubnetMask"),
      (wish(nil, "255.0.0.0"), "IpConfig.StaticIp"),
      (wish(nil, nil) { $0.primaryDNS = "9.9.9.9" }, "IpConfig.StaticIp"),
      (wish(nil, nil) { $0.replacesAddresses = true }, "IpConfig.StaticIp"),
      (wish { $0.usesDHCP = true }, "IpConfig.SubnetMask"),
      (
        wish(nil, nil) { ($0.usesDHCP, $0.gateway) = (true, "10.0.0.1") },
        "IpConfig.Gateway"
      ),
      (
        wish("10.0.0.2", nil) { ($0.usesDHCP, $0.primaryDNS) = (true, "10.0.0.1") },
        "IpConfig.PrimaryDns"
      ),
      (wish("10.0.0", nil) { $0.usesDHCP = true }, "IpConfig.StaticIp"),
      (wish { $0.gateway = "nowhere" }, "IpConfig.Gateway"),
      (wish { $0.secondaryDNS = "here" }, "IpConfig.SecondaryDns"),
      (wish { $0.dnsSuffix = "a b" }, "DnsSuffix"),
      (wish { $0.dnsSuffix = "a\nDNS=1.1.1.1" }, "DnsSuffix"),
    ]
    for (wish, member) in cases {
      let problem = #expect(throws: CardAddresses.Problem.self) { try CardAddresses(wish) }
      #expect(problem?.member == member)
    }
  }
}
