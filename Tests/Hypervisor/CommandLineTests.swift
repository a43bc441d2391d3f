// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Up {
  @Test func `a person protects, tests, fails over and rolls back by command`() async throws {
    let sites = try LabFixture.lab.sites()
    let (london, paris) = (try LabShell(sites[0]), try LabShell(sites[1]))
    defer {
      london.remove()
      paris.remove()
    }
    await #expect(throws: LabError.self) { try await london.run("vpg", "list") }
    try await london.logIn()
    try await paris.logIn()

    let token = try await paris.run("site", "token")
    try await london.run("site", "pair", sites[1].peerAddress, token)
    #expect(try await london.run("site", "list").contains("paris"))
    try await london.run(
      "vpg",
      "create",
      "shop",
      "--vm",
      "web1",
      "--datastore",
      "datastore1",
      "--network",
      "production",
      "--test-network",
      "test",
      "--hours",
      "2"
    )
    try await london.wait(for: "MeetingSLA", in: "vpg", "list")
    #expect(try await paris.run("vpg", "show", "shop").contains("web1"))

    #expect(try await paris.run("vpg", "exposure", "shop").contains("all together  "))

    try await london.run("vpg", "checkpoint", "shop", "before lunch")
    #expect(
      try await paris.run("vpg", "checkpoints", "shop", "--tagged").contains("before lunch")
    )
    try await paris.run("vpg", "test", "shop", "--tag", "before lunch")
    #expect(try await LabFixture.lab.runningVMNames(at: sites[1]).count == 1)
    try await paris.run("vpg", "stop-test", "shop", "--summary", "it answered")
    #expect(try await LabFixture.lab.vmNames(at: sites[1]).isEmpty)

    try await paris.run("vpg", "failover", "shop", "--shutdown", "forced")
    #expect(try await paris.run("vpg", "list").contains("FailingOverBeforeCommit"))
    try await paris.run("vpg", "rollback", "shop")
    try await london.wait(for: "MeetingSLA", in: "vpg", "list")

    #expect(try await paris.run("event", "--vpg", "shop").contains("shop"))
    #expect(try await paris.run("task").contains("FailOver"))
    try await london.run("vpg", "delete", "shop", "--remove-replicas")
    #expect(try await london.run("vpg", "list").contains("shop") == false)
    try await london.run("logout")
    await #expect(throws: LabError.self) { try await london.run("vpg", "list") }
  }
}
