// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Orchestration
import RecoveryModel
import Testing

@testable import ZVRAPI

/// Every member that the published settings objects have, one after the other: set, stored with the
/// VPG, and read again.
@Suite struct SettingsRoundTripTests {
  /// Members that are not values: names that the server gives, and what other platforms have.
  private static let others: Set<String> = [
    "VpgIdentifier", "VpgSettingsIdentifier", "VmIdentifier", "NicIdentifier", "VolumeIdentifier",
    "VpgType", "VCD", "PublicCloud", "RDM", "ExistingVolume", "Protected", "LongTermRetention",
    "Backup", "DatastoreClusterIdentifier", "DefaultDatastoreClusterIdentifier",
    "HostClusterIdentifier", "DefaultHostClusterIdentifier",
  ]

  /// The group that VMs are in that name no other is always there, and the VPG's resource pool has
  /// two names.
  private static let special: Set<String> = [
    ".BootGroups.BootGroups[0].BootGroupIdentifier", ".Recovery.ResourcePoolIdentifier",
    ".Recovery.DefaultResourcePoolIdentifier",
  ]

  /// A step to a value: into a member, or into the first entry of a list.
  private enum Step: CustomStringConvertible {
    case member(String)
    case first

    var description: String {
      switch self {
      case .member(let name): ".\(name)"
      case .first: "[0]"
      }
    }
  }

  /// The paths to all values below a schema, each with its type.
  private static func values(
    _ schema: String,
    _ schemas: APIObject,
    at path: [Step]
  ) -> [(path: [Step], type: String)] {
    (schemas[schema]?.object?.members ?? []).flatMap { field -> [(path: [Step], type: String)] in
      guard !others.contains(field.name), let rules = field.value.object else { return [] }
      let place = path + [.member(field.name)]
      let type = rules["type"]?.readText ?? ""
      guard let inner = rules["ref"]?.readText else { return [(place, type)] }
      return values(inner, schemas, at: type == "array" ? place + [.first] : place)
    }
  }

  /// The value with the one at the path changed.
  private static func set(
    _ value: APIValue,
    at path: ArraySlice<Step>,
    _ change: (APIValue) -> APIValue
  ) -> APIValue {
    guard let step = path.first else { return change(value) }
    switch step {
    case .member(let name):
      var object = value.object ?? APIObject()
      object[name] = set(object[name] ?? .null, at: path.dropFirst(), change)
      return .object(object)
    case .first:
      guard var items = value.items, let first = items.first else { return value }
      items[0] = set(first, at: path.dropFirst(), change)
      return .list(items, element: "")
    }
  }

  private static func get(_ value: APIValue, at path: ArraySlice<Step>) -> APIValue {
    switch path.first {
    case nil: value
    case .member(let name): get(value.object?[name] ?? .null, at: path.dropFirst())
    case .first: get(value.items?.first ?? .null, at: path.dropFirst())
    }
  }

  private static func another(_ type: String, than old: APIValue) -> APIValue {
    switch type {
    case "integer": .integer(7)
    case "boolean": .bool(old != .bool(true))
    default: .string(old.readText == "Medium" ? "High" : "another")
    }
  }

  /// What a store does to a definition.
  private static func stored(_ definition: VPGDefinition) throws -> VPGDefinition {
    try JSONDecoder().decode(VPGDefinition.self, from: JSONEncoder().encode(definition))
  }

  @Test func `every member of the settings comes back as it was set, and changes no other`()
    throws
  {
    let schemas = try PublishedAPI().schemas
    let all = Self.values("VpgSettingsApi", schemas, at: [])
      .filter { !Self.special.contains($0.path.map(\.description).joined()) }
    #expect(all.count == 77)
    for (path, type) in all {
      var draft = SettingsDraft(identifier: "s", editing: FakeSite.makeDefinition())
      let before = APIValue.object(draft.tree)
      let value = Self.another(type, than: Self.get(before, at: path[...]))
      let changed = Self.set(before, at: path[...]) { _ in value }
      try draft.change(try #require(changed.object), machines: [:], nulls: .clear)
      let place = path.map(\.description).joined()
      let given = Self.get(.object(draft.tree), at: path[...])
      #expect(given.readText == value.readText && given.readFlag == value.readFlag, "\(place)")
      #expect(Self.get(before, at: path[...]) != given, "\(place) was so before")

      let definition = try Self.stored(try draft.definition(machines: [:], local: FakeSite.london))
      let again = SettingsDraft(identifier: "s", editing: definition)
      var expected = draft.tree
      for side in ["Failover", "FailoverTest"] { expected.fillFlag(of: side) }
      #expect(again.tree == expected, "\(place)")
    }
  }

  @Test func `what is exported is what is edited, and importing it makes the same VPG`()
    async throws
  {
    let client = await APIClient.loggedOn()
    let export = try #require(
      await client.send(.post, "/v1/vpgSettings/exportSettings", #"{"VpgNames": []}"#).body.object
    )
    let time = try #require(export["TimeStamp"]?.readText)
    #expect(export.value("ExportResult", "Result") == .string("Success"))
    let path = "/v1/vpgSettings/exportedSettings/\(time.replacing(".000Z", with: ".123Z"))"
    let info = await client.get("\(path)/vpgsinfo").items?.first?.object
    #expect(info?["VpgName"] == .string("App1") && info?["TargetSiteName"] == .string("paris"))
    var read = try #require(
      await client.send(.post, path, #"{"VpgNames": ["APP1"]}"#).body.object
    )
    #expect(read["ErrorMessage"] == .null)
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    let edited = try #require(await client.get(settings).object)
    let exported = try #require(read["ExportedVpgSettingsApi"]?.items?.first?.object)
    for member in ["Basic", "BootGroups", "Journal", "Scratch", "Networks", "Recovery", "Vms"] {
      #expect(exported[member] == edited[member], "\(member)")
    }

    func result(_ body: APIObject, _ list: String) async -> APIObject? {
      let text = String(decoding: JSONWriter.write(.object(body)), as: UTF8.self)
      let answer = await client.send(.post, "/v1/vpgSettings/import", text)
      #expect(answer.status == 200)
      return answer.body.object?[list]?.items?.first?.object
    }
    let refused = await result(read, "ValidationFailedResults")
    #expect(refused?["VpgName"] == .string("App1"))
    #expect(refused?["ErrorMessages"]?.items?.first?.readText?.contains("Basic.Name") == true)
    #expect(await client.site.created.isEmpty)

    var entry = exported
    entry.set(.string("App2"), at: "Basic", "Name")
    read["ExportedVpgSettingsApi"] = .list([.object(entry)], element: "")
    let made = await result(read, "ImportTaskIdentifiers")
    #expect(made?["TaskIdentifier"] == .string(FakeSite.task.rawValue))
    var created = try #require(await client.site.created.first)
    #expect(created.identifier != FakeSite.vpg)
    var expected = FakeSite.makeDefinition()
    (created.identifier, created.name) = (expected.identifier, expected.name)
    created.vms[0].stream = expected.vms[0].stream
    expected.generation = created.generation
    #expect(created == expected)
    await client.site.refuse(.unreachable("paris does not answer"))
    let failed = await result(read, "ImportFailedResults")
    #expect(failed?["ErrorMessage"] == .string("paris does not answer"))
  }

  @Test func `an export that there is not, or of a VPG that there is not, is a 404`() async {
    let client = await APIClient.loggedOn()
    let path = "/v1/vpgSettings/exportedSettings"
    #expect(await client.send(.post, "\(path)/2001-01-01T00:00:00Z", "{}").status == 404)
    #expect(await client.send(.post, "\(path)/yesterday", "{}").status == 400)
    let names = #"{"VpgNames": ["nowhere"]}"#
    #expect(await client.send(.post, "/v1/vpgSettings/exportSettings", names).status == 404)
    let read = await client.send(.post, "\(path)/2024-05-06T07:08:09Z", names).body.object
    #expect(read?["ExportedVpgSettingsApi"]?.items?.isEmpty == true)
    #expect(read?["ErrorMessage"]?.readText?.contains("nowhere") == true)
  }

  @Test func `a VPG is made in one call, and what such a site has not is refused by name`() async {
    let client = await APIClient.loggedOn()
    let body = """
      {"VpgName": "Old", "SourceSiteIdentifier": "\(FakeSite.london)", "Priority": 2,
       "TargetSiteIdentifier": "\(FakeSite.paris)", "DatastoreIdentifier": "d",
       "VmsIdentifiers": ["\(FakeSite.app)"], "ResourcePoolIdentifier": "pool",
       "OrgVdcIdentifier": "VDC"}
      """
    let refused = await client.send(.post, "/v1/vpgs", body)
    #expect(refused.status == 400)
    #expect(
      refused.body.object?["Message"]?.readText?.contains("OrgVdcIdentifier") == true
    )
    let answer = await client.send(.post, "/v1/vpgs", body.replacing("VDC", with: ""))
    #expect(answer.body == .string(FakeSite.task.rawValue))
    let vpg = await client.site.created.first
    #expect(vpg?.name == "Old" && vpg?.policy.priority == .high)
    #expect(vpg?.recovery.host == FakeSite.host && vpg?.recovery.datastore?.rawValue == "d")
    #expect(vpg?.recovery.resourcePool?.rawValue == "pool")
    #expect(vpg?.vms.map(\.identifier) == [FakeSite.app])
  }
}

extension APIObject {
  /// Says of the first card that its addresses are to be set, if it has some and nothing is said.
  fileprivate mutating func fillFlag(of side: String) {
    guard var vms = self["Vms"]?.items, var vm = vms.first?.object,
      var cards = vm["Nics"]?.items, var card = cards.first?.object,
      card.value(side, "Hypervisor", "IpConfig").object != nil,
      card.value(side, "Hypervisor", "ShouldReplaceIpConfiguration") == .null
    else { return }
    card.set(.bool(true), at: side, "Hypervisor", "ShouldReplaceIpConfiguration")
    cards[0] = .object(card)
    vm["Nics"] = .list(cards, element: "VpgSettingsVmNicApi")
    vms[0] = .object(vm)
    self["Vms"] = .list(vms, element: "VpgSettingsVmApi")
  }
}
