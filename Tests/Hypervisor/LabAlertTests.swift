// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a dead appliance is an alert at its site, and is over when it answers`() async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.kill(try bench.supervisor(of: bench.paris))
    try await bench.wait(for: "ZVM0002", at: bench.paris, isOn: true)
    let worst = try await bench.ask(bench.paris) { client in
      try await client.get("/vras").elements.map { $0["VraAlerts"]["VraAlertsStatus"].int }
    }
    #expect(worst == [2])
    try await bench.startDaemons(at: bench.paris)
    try await bench.wait(for: "ZVM0002", at: bench.paris, isOn: false)
    try await bench.waitUntilProtected()
  }

  @Test func `a lost link is an alert of the VPG at both sites, and an event when it ends`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let sites = [bench.london, bench.paris]
    #expect(try await bench.vpg(at: bench.london)["AlertStatus"].int == 0)
    try await bench.setLink(up: false)
    let began = ContinuousClock.now
    for site in sites {
      try await bench.wait(for: "ZVM0003", at: site, isOn: true)
      #expect(try await bench.vpg(at: site)["AlertStatus"].int == 2, "\(site.name)")
      print("the alert of a lost link was on at \(site.name) after \(ContinuousClock.now - began)")
    }
    try await bench.setLink(up: true)
    for site in sites {
      try await bench.wait(for: "ZVM0003", at: site, isOn: false)
      let texts = try await bench.ask(site) { client in
        try await client.get("/events").elements.compactMap { $0["Description"].text }
      }
      #expect(texts.contains { $0.hasPrefix("Over: The manager of the site ") }, "\(site.name)")
    }
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// Waits until a site has an alert of a kind, or has none of it any more.
  func wait(for kind: String, at site: LabSite, isOn: Bool) async throws {
    let isSo = try await Waiting.until(seconds: 30, every: .milliseconds(300)) {
      try await ask(site) { client in
        try await client.get("/alerts").elements.contains { $0["HelpIdentifier"].text == kind }
      } == isOn
    }
    #expect(isSo, "\(kind) at \(site.name) is not \(isOn ? "on" : "over")")
  }
}
