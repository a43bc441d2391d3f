// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct SplitBrainTests {
  private static let (london, paris) = (SiteIdentifier("london"), SiteIdentifier("paris"))
  private static let (web, db) = (VMIdentifier("web"), VMIdentifier("db"))

  /// What london says, unless it is another one.
  private func half(
    _ protectedSite: SiteIdentifier,
    of site: SiteIdentifier = london,
    generation: Int = 1,
    isActing: Bool = true,
    _ running: Set<VMIdentifier> = []
  ) -> SplitBrain.Half {
    SplitBrain.Half(
      site: site,
      protectedSite: protectedSite,
      generation: generation,
      isActing: isActing,
      running: running
    )
  }

  @Test func `a VM that runs at both sites is one, whatever the sites are doing`() {
    for isActing in [false, true] {
      let one = half(Self.london, isActing: isActing, [Self.web, Self.db])
      let other = half(Self.london, of: Self.paris, [Self.web])
      #expect(SplitBrain.cause(one, other) == .bothRun([Self.web]))
    }
  }

  @Test func `VMs of which each runs at one site only are none`() {
    let other = half(Self.london, of: Self.paris, [Self.web])
    #expect(SplitBrain.cause(half(Self.london, [Self.db]), other) == nil)
  }

  @Test func `two protected sites are one, unless one of them is done with the VPG`() {
    let paris = half(Self.paris, of: Self.paris)
    #expect(SplitBrain.cause(half(Self.london), paris) == .bothProtect)
    #expect(SplitBrain.cause(paris, half(Self.london)) == .bothProtect)
    #expect(SplitBrain.cause(half(Self.london, isActing: false), paris) == nil)
    let done = half(Self.paris, of: Self.paris, isActing: false)
    #expect(SplitBrain.cause(half(Self.london), done) == nil)
  }

  @Test func `two sites that leave it to each other are one, and the newer definition is true`() {
    let (london, paris) = (half(Self.paris, generation: 2), half(Self.london, of: Self.paris))
    #expect(SplitBrain.cause(london, paris) == .neitherProtects(Self.paris))
    #expect(SplitBrain.cause(paris, london) == .neitherProtects(Self.paris))
    var older = london
    older.generation = 0
    #expect(SplitBrain.cause(older, paris) == .neitherProtects(Self.london))
  }

  @Test func `what is being given up is one until that has ended`() {
    var paris = half(Self.london, of: Self.paris, isActing: false)
    paris.isGivingUp = true
    #expect(SplitBrain.cause(half(Self.london), paris) == .isBeingResolved)
    paris.isGivingUp = false
    #expect(SplitBrain.cause(half(Self.london), paris) == nil)
  }
}
