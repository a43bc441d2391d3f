// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct SplitBrainTests {
  private static let (london, paris) = (SiteIdentifier("london"), SiteIdentifier("paris"))
  private static let (web, db) = (VMIdentifier("web"), VMIdentifier("db"))

  private func half(
    _ site: SiteIdentifier,
    isActing: Bool = true,
    _ running: Set<VMIdentifier> = []
  ) -> SplitBrain.Half {
    SplitBrain.Half(protectedSite: site, isActing: isActing, running: running)
  }

  @Test func `a VM that runs at both sites is one, whatever the sites are doing`() {
    for isActing in [false, true] {
      let one = half(Self.london, isActing: isActing, [Self.web, Self.db])
      #expect(SplitBrain.cause(one, half(Self.london, [Self.web])) == .bothRun([Self.web]))
    }
  }

  @Test func `VMs of which each runs at one site only are none`() {
    #expect(SplitBrain.cause(half(Self.london, [Self.db]), half(Self.london, [Self.web])) == nil)
  }

  @Test func `two protected sites are one, unless one of them is done with the VPG`() {
    #expect(SplitBrain.cause(half(Self.london), half(Self.paris)) == .bothProtect)
    #expect(SplitBrain.cause(half(Self.london, isActing: false), half(Self.paris)) == nil)
    #expect(SplitBrain.cause(half(Self.london), half(Self.paris, isActing: false)) == nil)
  }
}
