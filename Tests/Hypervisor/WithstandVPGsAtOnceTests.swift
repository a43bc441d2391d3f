// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `tests of two VPGs run at the same time, and each is stopped for itself`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let other = try await bench.protectedApp()
    do {
      let began = ContinuousClock.now
      async let first = bench.outcome(of: "FailoverTest")
      async let second = other.outcome(of: "FailoverTest")
      #expect(try await first.succeeded)
      #expect(try await second.succeeded)
      print("tests of two VPGs ran \(ContinuousClock.now - began) after they were begun at once")
      let (web, app) = (bench.tested("web1"), bench.tested("app1"))
      #expect(try await bench.lab.runningVMNames(at: bench.paris).sorted() == [app.name, web.name])
      for guest in [web, app] { #expect(try await guest.waitUntilServing(seconds: 120)) }
      try await bench.checkSequence(of: web)
      try await bench.checkSequence(of: app, on: ["seq"])

      let end: JSON = ["FailoverTestSuccess": true]
      #expect(try await bench.outcome(of: "FailoverTestStop", end).succeeded)
      #expect(try await bench.lab.runningVMNames(at: bench.paris) == [app.name])
      for one in [bench, other] { try await one.waitUntilProtected() }
      #expect(try await other.outcome(of: "FailoverTestStop", end).succeeded)
      #expect(try await bench.leftovers().isEmpty)
    } catch {
      try? await other.deleteVPG(keepsVolumes: false)
      throw error
    }
    try await other.deleteVPG(keepsVolumes: false)
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// A VPG that protects `app1`, whose first sync is over.
  fileprivate func protectedApp() async throws -> WithstandBench {
    let shell = try LabShell(london)
    defer { shell.remove() }
    try await shell.logIn()
    try await shell.run(
      "vpg",
      "create",
      "app",
      "--vm",
      "app1",
      "--datastore",
      "datastore1",
      "--network",
      "production",
      "--test-network",
      "test"
    )
    let vpgs = try await ask(london) { try await $0.get("/vpgs").elements }
    let app = vpgs.first { $0["VpgName"].text == "app" }?["VpgIdentifier"].text
    let bench = WithstandBench(lab: lab, london: london, paris: paris, vpg: try #require(app))
    try await bench.waitUntilProtected(seconds: 120)
    return bench
  }

  fileprivate func tested(_ vm: String) -> LabGuest {
    lab.guest("\(vm) - testing recovery", at: paris)
  }
}
