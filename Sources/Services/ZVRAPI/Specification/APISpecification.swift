// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What the API promises its clients: every call with its filters, its body and its answer, and
/// every object with its members.
///
/// The promise is written as text, in the files beside this one, because it is long and has to be
/// read by people. A call is
///
///     METHOD path < body -> answer
///       ? filter type, filter type
///
/// and an object is its name, and below it its members, each with its type. A type is `string`,
/// `integer` (32 bits), `long` (64 bits), `double`, `boolean`, `datetime`, `timespan`, `binary`,
/// the name of an object, or one of these in brackets for a list; `:Name` behind it names an
/// enumeration, and `?` says that it may be null. Answers are also `nothing`, `page` and
/// `anything`.
struct APISpecification: Sendable {
  let calls: [Call]
  let objects: [String: Object]

  /// What this API promises.
  static let published = APISpecification(
    calls: [
      sitesCalls, alertsAndEventsCalls, inventoryCalls, vrasCalls, vpgsCalls, vpgSettingsCalls,
      reportsCalls, longTermRetentionCalls, applianceCalls, ownCalls,
    ],
    objects: [
      sharedObjects, sitesObjects, alertsAndEventsObjects, inventoryObjects, vrasObjects,
      vpgsObjects, vpgSettingsObjects, reportsObjects, longTermRetentionObjects, applianceObjects,
      ownObjects,
    ]
  )

  init(calls: [String], objects: [String]) {
    self.calls = calls.flatMap(SpecificationText.entries(of:)).map(SpecificationText.call)
    callsByPattern = Dictionary(
      uniqueKeysWithValues: self.calls.map { (Self.pattern($0.method, $0.path), $0) }
    )
    self.objects = Dictionary(
      uniqueKeysWithValues: objects.flatMap(SpecificationText.entries(of:))
        .map(SpecificationText.object).map { ($0.name, $0) }
    )
  }

  /// One call.
  struct Call: Sendable {
    let method: String
    let path: String
    var filters: [Field] = []
    /// nil if the call takes none.
    var body: ValueType?
    /// Whether the body is a form, as browsers send them.
    var isForm = false
    var answer: ValueType = .nothing
  }

  /// An object and its members.
  struct Object: Sendable {
    let name: String
    let fields: [Field]
  }

  /// A member of an object, or a filter of a call.
  struct Field: Sendable {
    let name: String
    let type: ValueType
    /// The enumeration the value belongs to.
    let enumeration: String?
    let isNullable: Bool
  }

  /// What a value may be.
  indirect enum ValueType: Sendable, Equatable {
    case string, integer, long, double, boolean, datetime, timespan, binary
    case object(String)
    case list(ValueType)
    case nothing, page, anything
  }

  /// The promise for a route; nil if there is none.
  func call(_ method: String, _ path: String) -> Call? {
    let isHelp = path.hasPrefix("/v1/") && path.hasSuffix("/help")
    return callsByPattern[Self.pattern(method, isHelp ? "/v1/{resource}/help" : path)]
  }

  private static func pattern(_ method: String, _ path: String) -> String {
    method
      + path.split(separator: "/").map { $0.hasPrefix("{") ? "/{}" : "/" + $0.lowercased() }
      .joined()
  }

  private let callsByPattern: [String: Call]
}
