// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ZVRAPI

@Suite struct ConformanceTests {
  let published: PublishedAPI

  init() throws { published = try PublishedAPI() }

  @Test func `every call does what was published, and the page of features says so`() async throws {
    var run = ConformanceRun(published: published)
    await run.run()
    for failure in run.failures { Issue.record("\(failure)") }
    #expect(published.operations.count == 251)
    #expect(run.checkCount > 1000)
    let page = FeatureStatus(run: run).page
    if ProcessInfo.processInfo.environment["WRITE_FEATURE_STATUS"] != nil {
      try page.write(to: FeatureStatus.file, atomically: true, encoding: .utf8)
    }
    let written = try String(contentsOf: FeatureStatus.file, encoding: .utf8)
    #expect(written == page, "run scripts/feature-status")
    let missing = run.states.count { $0.state == .missing }
    print("conformance: \(251 - missing) of 251 calls, \(run.checkCount) checks")
  }

  @Test func `every call does what was published on a site of a thousand VPGs`() async throws {
    var checked = 0
    for operation in published.operations {
      // Of its own: a call that changes the site changes it for no other one.
      let client = await APIClient.loggedOn()
      await client.site.setVPGCount(1000)
      let call = ConformanceCall(operation)
      let answer = await call.send(client, path: call.spellings[0])
      // What is refused on a small site is another test's business.
      guard answer.status == 200 else {
        #expect([400, 404].contains(answer.status), "\(call.pattern): \(answer.status)")
        continue
      }
      checked += 1
      guard let value = answer.value else { continue }
      #expect(published.differences(of: answer.asJSON, from: operation).isEmpty, "\(call.pattern)")
      let root = try #require(Element.root(of: XMLWriter.write(value)))
      #expect(published.differences(ofXML: root, from: operation).isEmpty, "\(call.pattern)")
    }
    #expect(checked > 225)
    let client = await APIClient.loggedOn()
    await client.site.setVPGCount(1000)
    #expect(await client.get("/v1/vpgs").items?.count == 1000)
    #expect(await client.get("/v1/vms").items?.count == 1000)
    print("conformance with 1000 VPGs: \(checked) calls")
  }

  @Test func `every listing has the published names at their numbers`() async throws {
    let client = await APIClient.loggedOn()
    for operation in published.operations {
      guard let name = operation["listing"]?.readText,
        let path = operation["path"]?.readText
      else { continue }
      let expected = try #require(published.enumerations[name]?.items)
      // Which calls are served is another test's business.
      guard let names = await client.get(path).items else { continue }
      #expect(names.count == expected.count, "\(path)")
      for (name, published) in zip(names, expected) where published != .null {
        #expect(name == published, "\(path)")
      }
      #expect(Set(names.compactMap(\.readText)).count == names.count, "\(path)")
    }
  }

  @Test func `a missing, a null and an unknown member are noticed`() throws {
    let operation = try #require(
      published.operations.first { $0["path"] == .string("/v1/localsite") }
    )
    let value = APIValue.object("LocalSiteApi", ["SiteIdentifier": .null, "Extra": .null])
    let differences = published.differences(of: value, from: operation)
    #expect(differences.contains(".SiteIdentifier is null"))
    #expect(differences.contains(".SiteName is missing"))
    #expect(differences.contains(".Extra is unknown"))
    let root = try #require(Element.root(of: XMLWriter.write(value)))
    let inXML = published.differences(ofXML: root, from: operation)
    #expect(inXML.contains(".SiteIdentifier is nil"))
    #expect(inXML.contains(".SiteName is missing"))
    #expect(inXML.contains(".Extra is unknown"))
  }
}
