// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Identity
import RecoveryModel
import Testing

@Suite struct PeerIdentityTests {
  @Test func `any name survives its text`() {
    for name in ["vra-1", "a b", "100%", "ä/ö", "..", "\u{0}"] {
      let peer = PeerIdentity(site: SiteIdentifier("s-1"), role: .appliance, name: name)
      #expect(PeerIdentity(uri: peer.uri) == peer)
      #expect(peer.uri.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    }
  }

  @Test(arguments: [
    "understudy://london", "understudy://london/", "understudy://london/manager",
    "understudy://london/manager/", "understudy://london/owner/x", "understudy:///manager/x",
    "understudy://london/manager/x/y", "understudy://london/manager/%zz",
    "https://london/manager/x",
    "understudy://london/manager/%",
  ])
  func `other texts name nobody`(uri: String) {
    #expect(PeerIdentity(uri: uri) == nil)
  }
}
