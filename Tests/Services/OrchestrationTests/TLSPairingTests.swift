// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@Suite struct TLSPairingTests {
  private static func ended(
    _ site: Site,
    _ task: TaskIdentifier
  ) async throws -> TaskRecord {
    try await eventually("the task ends") { try await site.task(task).state.isFinal }
    return try await site.task(task)
  }

  @Test(arguments: [false, true])
  func `sites pair over TLS, whichever gives the token, and then hear each other`(
    isSwapped: Bool
  ) async throws {
    let names = isSwapped ? ("paris", "london") : ("london", "paris")
    try await TLSSite.run(names.0, SiteIdentifier("near")) { near in
      try await TLSSite.run(names.1, SiteIdentifier("far")) { far in
        let token = try await far.site.generatePairingToken().token
        let record = try await Self.ended(
          near.site,
          try await near.site.pair(host: "127.0.0.1", port: far.port, token: token, user: "ann")
        )
        #expect(record.state == .completed, "\(record.completeReason)")
        try await eventually("both hear each other") {
          let here = try await near.site.peerSites()
          let there = try await far.site.peerSites()
          return here.map(\.isConnected) == [true] && there.map(\.isConnected) == [true]
        }
        let parted = try await Self.ended(
          near.site,
          try await near.site.unpair(SiteIdentifier("far"), user: "ann")
        )
        #expect(parted.state == .completed)
        #expect(try await far.site.peerSites().isEmpty)
      }
    }
  }

  @Test func `a wrong or used token pairs nobody`() async throws {
    try await TLSSite.run("london", SiteIdentifier("near")) { near in
      try await TLSSite.run("paris", SiteIdentifier("far")) { far in
        let wrong = try await Self.ended(
          near.site,
          try await near.site.pair(
            host: "127.0.0.1",
            port: far.port,
            token: String(repeating: "B", count: 64),
            user: "ann"
          )
        )
        #expect(wrong.state == .failed)
        #expect(wrong.completeReason.contains("token"))
        #expect(try await near.site.peerSites().isEmpty)
        #expect(try await far.site.peerSites().isEmpty)

        let token = try await far.site.generatePairingToken().token
        for expected in [TaskRecord.State.completed, .failed] {
          let record = try await Self.ended(
            near.site,
            try await near.site.pair(
              host: "127.0.0.1",
              port: far.port,
              token: token,
              user: "ann"
            )
          )
          #expect(record.state == expected, "\(record.completeReason)")
        }
      }
    }
  }

  @Test func `a manager that is not there fails the pairing in words`() async throws {
    try await TLSSite.run("london", SiteIdentifier("near")) { near in
      let record = try await Self.ended(
        near.site,
        try await near.site.pair(
          host: "127.0.0.1",
          port: 1,
          token: String(repeating: "B", count: 64),
          user: "ann"
        )
      )
      #expect(record.state == .failed)
      #expect(record.completeReason.contains("127.0.0.1 port 1"))
    }
  }
}
