// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a VM that is migrated live, there and back, is protected at each host`() async throws
  {
    let bench = try await WithstandBench.ready()
    let second = SecondHost(bench: bench, site: bench.london)
    let before = Set(try await bench.checkpoints())
    let outcome: (any Error)?
    do {
      try await second.up()
      try await bench.waitUntilProtected(seconds: 90)
      let began = ContinuousClock.now
      try await second.migrate(to: second.uri, from: bench.london.hypervisorURI)
      try await second.waitForTaps(at: second.uri)
      try await bench.waitUntilProtected(seconds: 120)
      print("lab: migrated live and protected again in \(ContinuousClock.now - began)")
      #expect(!before.isDisjoint(with: try await bench.checkpoints()), "earlier points are gone")
      #expect(try await bench.placesOfVM().isEmpty, "the first host has the VM still")

      try await second.migrate(to: bench.london.hypervisorURI, from: second.uri)
      try await second.waitForTaps(at: bench.london.hypervisorURI)
      try await bench.waitUntilProtected(seconds: 120)
      try await bench.checkSequence(of: bench.source)
      try await bench.compareDisks()
      outcome = nil
    } catch {
      outcome = error
    }
    try await second.down()
    if let outcome { throw outcome }
    try await bench.waitUntilProtected(seconds: 90)
  }
}
