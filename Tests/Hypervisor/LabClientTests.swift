// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Lab

extension LabTests.Withstand {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../..").standardized

  @Test(arguments: ["zertoapl", "zvma10"])
  func `a public client reads all it knows of a site with a protected VM, and changes some`(
    client: String
  ) async throws {
    let bench = try await WithstandBench.ready()
    let site = bench.london
    let installed = try await Program.run(
      [Self.root.appending(path: "scripts/install-clients").path],
      seconds: 600
    )
    let folder = try #require(installed.split(separator: "\n").last.map(String.init))
    let script = Self.root.appending(path: "Tests/Clients/\(client)_calls.py").path
    let port = client == "zvma10" ? ["\(LabSite.managerPort)"] : []
    let outcome = try await Program.attempt(
      ["env", "NO_PROXY=*", "no_proxy=*", "\(folder)/bin/python", script, site.address] + port
        + [site.user, site.password],
      seconds: 300
    )
    #expect(outcome.succeeded, "\(outcome.output)")
    try await bench.waitUntilProtected()
  }
}
