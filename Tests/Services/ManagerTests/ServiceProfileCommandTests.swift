// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Manager
import Testing

/// `understudy service-profile` beside a running manager.
@Suite struct ServiceProfileCommandTests {
  @Test func `a profile that is set is served, changed and removed`() async throws {
    try await RunningManager.run { manager in
      let session = try await manager.logOn()
      let file = manager.configuration.stateFolder + "/configuration.json"
      try JSONEncoder().encode(manager.configuration).write(to: URL(filePath: file))
      func run(_ verb: String, _ arguments: String...) async throws -> (
        status: Int32, output: String
      ) {
        try await execute(productPath, ["service-profile", verb, "--config", file] + arguments)
      }
      func profiles() async throws -> [[String: Any]] {
        let answer = try await manager.send("GET", "/v1/serviceprofiles", session: session)
        let list = try JSONSerialization.jsonObject(with: Data(answer.text.utf8))
        return try #require(list as? [[String: Any]])
      }
      let first = try await run("set", "--rpo", "60", "--history", "48", "Gold")
      #expect(first.status == 0, "\(first.output)")
      let identifier = first.output.trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(
        try await profiles().map { $0["ServiceProfileIdentifier"] as? String } == [identifier]
      )
      let second = try await run("set", "--rpo", "30", "Gold")
      #expect(second.output == first.output)
      #expect(try await profiles().map { $0["Rpo"] as? String } == ["00:00:30"])
      #expect(try await run("list").output.hasPrefix("\(identifier)\tGold\tRPO 30 s\thistory 24 h"))
      #expect(try await run("set", "--history", "0", "Gold").status != 0)
      #expect(try await run("remove", "Silver").status != 0)
      #expect(try await profiles().count == 1)
      #expect(try await run("remove", "Gold").status == 0)
      #expect(try await profiles().isEmpty)
    }
  }
}
