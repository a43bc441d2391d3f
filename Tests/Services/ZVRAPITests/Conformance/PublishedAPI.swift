// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import ZVRAPI

/// The published API, kept beside the tests: what no part of the product is made from.
struct PublishedAPI {
  let operations: [APIObject]
  let enumerations: APIObject
  let schemas: APIObject
  /// Names that XML has other than JSON, by schema.
  let xml: APIObject

  /// Reads the description that lies beside the tests.
  init() throws {
    let file = Bundle.module.bundleURL.appending(path: "Resources/api.json")
    let root = try JSONReader.read([UInt8](Data(contentsOf: file))).object ?? APIObject()
    operations = (root["operations"]?.items ?? []).compactMap(\.object)
    schemas = root.object("schemas")
    enumerations = root.object("enumerations")
    xml = root.object("xml")
  }

  /// Everything in which an answer differs from what the call promises.
  func differences(of value: APIValue, from operation: APIObject) -> [String] {
    let schema = operation["schema"]?.readText ?? ""
    switch operation["kind"]?.readText {
    case "array":
      guard let items = value.items else { return ["it is no list"] }
      return items.flatMap { differences(of: $0, fromSchema: schema, at: "[]") }
    case "object": return differences(of: value, fromSchema: schema, at: "")
    case "scalar": return value.readText == nil ? ["it is no bare text"] : []
    case "unknown", "html", "binary": return []
    case "empty": return value == .null ? [] : ["it is not empty"]
    default: return ["its kind is unknown"]
    }
  }

  private func differences(
    of value: APIValue,
    fromSchema name: String,
    at place: String
  ) -> [String] {
    guard let schema = schemas[name]?.object else {
      return value.readText == nil ? ["\(place) is no \(name)"] : []
    }
    guard let object = value.object else { return ["\(place) is no object"] }
    var found: [String] = []
    for field in schema.members {
      let rules = field.value.object ?? APIObject()
      let place = "\(place).\(field.name)"
      guard let member = object.members.first(where: { $0.name == field.name }) else {
        if rules["optional"] == nil { found.append("\(place) is missing") }
        continue
      }
      if member.value == .null {
        if rules["nullable"] == nil { found.append("\(place) is null") }
      } else {
        found += differences(of: member.value, from: rules, at: place)
      }
    }
    for member in object.members where !schema.members.contains(where: { $0.name == member.name }) {
      found.append("\(place).\(member.name) is unknown")
    }
    return found
  }

  /// Captured answers give tasks the names of events too, where there is no name of a task.
  private func names(of enumeration: String) -> [APIValue]? {
    let names = enumerations[enumeration]?.items
    guard enumeration == "TaskType" else { return names }
    return names.map { $0 + (enumerations["EventType"]?.items ?? []) }
  }

  private func differences(
    of value: APIValue,
    from rules: APIObject,
    at place: String
  ) -> [String] {
    let schema = rules["ref"]?.readText ?? ""
    let enumeration = rules["enum"]?.readText.flatMap { names(of: $0) }
    switch (rules["type"]?.readText, value) {
    case ("object", .object): return differences(of: value, fromSchema: schema, at: place)
    case ("array", .list(let items, _)):
      return items.flatMap { differences(of: $0, fromSchema: schema, at: place + "[]") }
    case ("integer", .integer(let number)):
      guard let enumeration else { return [] }
      return enumeration.indices.contains(Int(number)) ? [] : ["\(place) is out of range"]
    case ("string", .string):
      guard let enumeration else { return [] }
      return enumeration.contains(value) ? [] : ["\(place) is no name of its enumeration"]
    case ("datetime", .string(let text)):
      let pattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/
      return text.wholeMatch(of: pattern) == nil ? ["\(place) is no date: \(text)"] : []
    case ("timespan", .string(let text)):
      let pattern = /(\d+\.)?\d\d:\d\d:\d\d/
      return text.wholeMatch(of: pattern) == nil ? ["\(place) is no span: \(text)"] : []
    case ("long", .integer), ("double", .integer), ("double", .double), ("boolean", .bool):
      return []
    default: return ["\(place) has the wrong type"]
    }
  }
}
