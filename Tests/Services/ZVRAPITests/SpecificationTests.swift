// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ZVRAPI

@Suite struct SpecificationTests {
  let specification = APISpecification.published
  /// Members of our own in published objects, behind the published ones.
  private static let ownMembers = ["StopFailoverTestDataApi": ["VmIdentifiers"]]

  @Test func `what is promised is what was published`() throws {
    let published = try PublishedAPI()
    for operation in published.operations {
      let method = operation["method"]?.readText ?? ""
      let path = operation["path"]?.readText ?? ""
      let call = try #require(specification.call(method, path), "\(method) \(path)")
      let filters = (operation["filters"]?.items ?? []).compactMap(\.readText)
      #expect(call.filters.map(\.name) == filters, "\(method) \(path)")
      #expect((call.body == nil) == (operation["body"] == nil), "\(method) \(path)")
      // It takes the whole settings object too, as clients of release 10 send it.
      if case .object(let name) = call.body, name != "VpgSettingsApi" {
        #expect(operation["body"] == .string(name), "\(method) \(path)")
      }
      if case .object(let name) = call.answer { #expect(operation["schema"] == .string(name)) }
    }
    for (name, object) in specification.objects {
      guard let schema = published.schemas[name]?.object else { continue }
      let promised = schema.members.map(\.name) + (Self.ownMembers[name] ?? [])
      #expect(object.fields.map(\.name) == promised, "\(name)")
    }
  }

  @Test func `every served call is promised`() {
    for route in Resources.routes {
      #expect(
        specification.call(route.method.rawValue, route.path) != nil,
        "\(route.method.rawValue) \(route.path)"
      )
    }
  }

  @Test func `every sample body is what the call takes`() throws {
    for route in Resources.routes {
      guard let sample = route.sample,
        let type = specification.call(route.method.rawValue, route.path)?.body, type != .string
      else { continue }
      let object = try #require(try JSONReader.read(Array(sample.utf8)).object, "\(route.path)")
      #expect(throws: Never.self, "\(route.path)") { try specification.check(object, is: type) }
    }
  }

  @Test func `every reference in the OpenAPI document leads somewhere`() async throws {
    let answer = await APIClient().respond(.get, "/swagger/v1/swagger.json")
    let bytes = try #require(answer.rendered).bytes
    let root = try #require(try JSONReader.read(bytes).object)
    let names = Set(root.object("components", "schemas").members.map(\.name))
    func references(_ value: APIValue) -> [String] {
      switch value {
      case .object(let object):
        (object["$ref"]?.readText).map { [$0] } ?? object.members.flatMap { references($0.value) }
      case .list(let items, _): items.flatMap(references)
      default: []
      }
    }
    let found = references(.object(root))
    #expect(found.count > 100)
    for reference in found {
      #expect(names.contains(String(reference.split(separator: "/").last ?? "")), "\(reference)")
    }
    let paths = root.object("paths").members
    let calls = paths.reduce(0) { $0 + ($1.value.object?.members.count ?? 0) }
    #expect(calls == Resources.routes.count)
  }

  @Test(arguments: ["/swagger", "/swagger/index.html", "/management/api/swagger/index.html"])
  func `a page shows the document, with nothing from elsewhere`(path: String) async throws {
    let answer = await APIClient().respond(.get, path)
    guard case .html(let page) = answer.content else {
      Issue.record("\(path) is no page")
      return
    }
    #expect(page.contains("/swagger/v1/swagger.json"))
    #expect(!page.contains("http://") && !page.contains("https://"))
  }

  @Test func `help has an example of every call`() {
    for route in Resources.routes {
      let example = Help.example(of: route)
      #expect(example.contains("curl -k -X \(route.method.rawValue)"))
      #expect(example.contains("$session") == !route.isOpen)
    }
  }

  @Test(arguments: [
    (#"{"RpoInSeconds": "soon"}"#, "RpoInSeconds"),
    (#"{"RpoInSeconds": 99999999999}"#, "RpoInSeconds"),
    (#"{"UseWanCompression": []}"#, "UseWanCompression"),
    (#"{"Name": {}}"#, "Name"), (#"{"Priority": [1]}"#, "Priority"),
  ])
  func `a member of a wrong type is named`(body: String, name: String) async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings()
    let answer = await client.send(.put, settings + "/basic", body)
    #expect(answer.status == 400)
    #expect(answer.body.object?["Message"]?.readText?.contains(name) == true)
  }

  @Test func `a member deep in a body is named with its place`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings()
    let body = #"{"Vms": [{"VmIdentifier": "a", "Nics": [{"Failover": {"Hypervisor": 7}}]}]}"#
    let answer = await client.send(.put, settings, body)
    #expect(answer.status == 400)
    let message = answer.body.object?["Message"]?.readText
    #expect(message == "Vms[0].Nics[0].Failover.Hypervisor is not an object")
  }

  @Test func `an empty list in XML is an empty list`() throws {
    let xml = "<FailoverDataApi><VmIdentifiers/><CheckpointIdentifier/></FailoverDataApi>"
    let body = try #require(try XMLReader.read(Array(xml.utf8)).object)
    let resolved = specification.resolvingEmptyElements(in: body, is: .object("FailoverDataApi"))
    #expect(resolved["VmIdentifiers"]?.items?.isEmpty == true)
    #expect(resolved["CheckpointIdentifier"] == .string(""))
  }
}
