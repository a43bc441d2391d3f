// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// `/v1/auditlog`: who did what from where.
///
/// Not in Zerto's API.
enum AuditLog: Resource {
  static let root = "auditlog"
  static let interface = "IAuditLogService"

  /// Entries answered to a call that says no number.
  private static let usualLimit = 1000
  private static let limits = 1...100_000

  static var routes: [Route] {
    [
      Route(
        .get,
        "auditlog",
        "Logons, changes and refusals, newest first; startDate, endDate, userName and count say "
          + "which.",
        access: .needs(.audit),
        answer: list
      )
    ]
  }

  private static func list(_ call: APICall) async throws -> APIResponse {
    guard let book = call.service.book else { throw APIError.notFound("there is no audit log") }
    var count = usualLimit
    if let text = call.query.text("count") {
      guard let number = Int(text), limits.contains(number) else {
        throw APIError.invalid("count is no number from 1 to \(limits.upperBound)")
      }
      count = number
    }
    let isFiltered = call.query.text("userName") != nil
    let entries = try await book.entries(
      from: try call.query.date("startDate"),
      to: try call.query.date("endDate"),
      limit: isFiltered ? limits.upperBound : count
    ).lazy.filter { call.query.matches("userName", $0.user) }.prefix(count)
    return .list(
      entries.map { entry in
        .object(
          "AuditEntryApi",
          [
            "AuditEntryIdentifier": .string(entry.identifier),
            "OccurredOn": .date(entry.occurred),
            "UserName": .string(entry.user),
            "Role": .string(entry.role),
            "Source": .string(entry.source),
            "Action": .string(entry.action),
            "Status": .integer(entry.status),
            "Reason": .string(entry.reason),
          ]
        )
      },
      of: "AuditEntryApi"
    )
  }
}
