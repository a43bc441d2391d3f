// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import FuzzTargets
import Testing

/// What a fuzzer has broken stays mended: every such input is kept and run.
///
/// The rest of the corpus is run by `scripts/fuzz`.
@Suite struct `Inputs that once broke something` {
  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fuzz/Regressions")

  @Test func `are survived`() throws {
    var count = 0
    for target in FuzzTarget.allCases {
      let folder = Self.folder.appending(path: target.rawValue)
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
      for name in names {
        try Data(contentsOf: folder.appending(path: name)).withUnsafeBytes { target.run($0) }
        count += 1
      }
    }
    #expect(count >= 5, "the inputs were not found")
  }
}
