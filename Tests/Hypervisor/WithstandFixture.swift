// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Lab

/// A lab for tests that break its parts: made by the first that needs it, removed after the last,
/// also when one fails.
struct WithstandFixture: SuiteTrait, TestScoping {
  @TaskLocal private static var current: Lab?

  static var lab: Lab {
    get throws { try #require(current, "the suite has no `.breakableLab` trait") }
  }

  func provideScope(
    for test: Test,
    testCase: Test.Case?,
    performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    let lab = Lab(settings: LabFixture.settings(name: "uswt"))
    try await lab.down()
    let outcome: (any Error)?
    do {
      try await Self.$current.withValue(lab) { try await function() }
      outcome = nil
    } catch {
      outcome = error
    }
    try await lab.down()
    if let outcome { throw outcome }
  }
}

extension Trait where Self == WithstandFixture {
  /// Gives the suite a lab, ``WithstandBench/ready()``.
  static var breakableLab: Self { WithstandFixture() }
}

extension LabTests {
  /// What can go wrong around a protected VM, against real QEMU and libvirt.
  @Suite("What it withstands", .serialized, .breakableLab)
  struct Withstand {}
}
