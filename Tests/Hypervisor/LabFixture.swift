// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Lab
import Testing

/// A lab for the tests of one suite: brought up before the first, removed after the last, also when
/// one fails.
///
/// Its names are its own, so that it does not meet a lab a person has running.
struct LabFixture: SuiteTrait, TestScoping {
  /// Begins the lab's names.
  var name = "ustest"
  /// Whether the lab is up before the first test; a suite that breaks its lab brings it up itself.
  var isBroughtUp = true

  /// The suite's lab.
  @TaskLocal private static var current: Lab?

  static var lab: Lab {
    get throws { try #require(current, "the suite has no lab") }
  }

  /// Constant names: what a run that was cut short left behind, the next one removes.
  static func settings(name: String) -> LabSettings {
    let folder = FileManager.default.temporaryDirectory.appending(path: "understudy-\(name)")
    return LabSettings(
      name: name,
      folder: folder.path(percentEncoded: false),
      executable: executable
    )
  }

  /// Labs need root and the program they start their daemons with.
  static var isPossible: Bool {
    getuid() == 0 && FileManager.default.isExecutableFile(atPath: executable)
  }

  /// The product, which is built into the folder of the test bundle.
  private static let executable =
    ProcessInfo.processInfo.environment["UNDERSTUDY_EXECUTABLE"]
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appending(path: "understudy").path(percentEncoded: false)

  func provideScope(
    for test: Test,
    testCase: Test.Case?,
    performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    let lab = Lab(settings: Self.settings(name: name))
    try await lab.down()
    let outcome: (any Error)?
    do {
      if isBroughtUp { try await lab.up() }
      try await Self.$current.withValue(lab) { try await function() }
      outcome = nil
    } catch {
      outcome = error
    }
    try await lab.down()
    if let outcome { throw outcome }
  }
}

extension Trait where Self == LabFixture {
  /// Gives the suite a running lab, ``LabFixture/lab``.
  static var lab: Self { LabFixture() }

  /// Gives the suite a lab that its tests may break; see ``WithstandBench/ready()``.
  static var breakableLab: Self { LabFixture(name: "uswt", isBroughtUp: false) }
}
