// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// What has to be so of files at a point, as the API has it.
enum PointFileConditions {
  private static let most = 100

  /// The conditions of a request; nil if it names none.
  static func read(_ call: APICall) async throws -> [PointCheck.FileCondition]? {
    guard let items = call.body["Files"]?.items, !items.isEmpty else { return nil }
    guard items.count <= most else { throw APIError.invalid("Files has more than \(most) entries") }
    let vms = try await call.site.vpg(call.vpg).definition.vms
    var conditions: [PointCheck.FileCondition] = []
    for item in items {
      guard let wish = item.object else { throw APIError.invalid("Files must be objects") }
      let path = try wish.text("Path") ?? ""
      guard path.hasPrefix("/"), path.split(separator: "/").first.map({ $0 != "." }) == true,
        !path.split(separator: "/").contains(".."), path.utf8.count <= 4096
      else {
        throw APIError.invalid("Files: Path must begin with a file system, as in /vda1/etc/hosts")
      }
      let name = try wish.text("VmIdentifier") ?? ""
      guard !name.isEmpty || vms.count == 1 else {
        throw APIError.invalid("Files: VmIdentifier is missing, and the VPG has several VMs")
      }
      conditions.append(
        PointCheck.FileCondition(
          vm: name.isEmpty ? vms[0].identifier : VMIdentifier(name),
          path: path,
          rule: try rule(wish)
        )
      )
    }
    return conditions
  }

  private static func rule(_ wish: APIObject) throws -> PointCheck.FileCondition.Rule {
    let value = try wish.text("Value") ?? ""
    switch try wish.text("Test") ?? "Exists" {
    case "Exists": return .exists
    case "IsMissing": return .isMissing
    case "Contains":
      guard (1...4096).contains(value.utf8.count) else {
        throw APIError.invalid("Files: Contains needs a Value of 1 to 4096 bytes")
      }
      return .contains(value)
    case "HasSha256":
      guard value.count == 64, value.allSatisfy(\.isHexDigit), value.utf8.count == 64 else {
        throw APIError.invalid("Files: HasSha256 needs 64 hexadecimal digits as its Value")
      }
      return .hasSHA256(value)
    default:
      throw APIError.invalid("Files: Test must be Exists, IsMissing, Contains or HasSha256")
    }
  }

  static func value(_ condition: PointCheck.FileCondition) -> APIValue {
    let (test, value): (String, String?) =
      switch condition.rule {
      case .exists: ("Exists", nil)
      case .isMissing: ("IsMissing", nil)
      case .contains(let text): ("Contains", text)
      case .hasSHA256(let digits): ("HasSha256", digits)
      }
    return .object(
      "PointFileConditionApi",
      [
        "VmIdentifier": .identifier(condition.vm),
        "Path": .string(condition.path),
        "Test": .string(test),
        "Value": .text(value),
      ]
    )
  }
}
