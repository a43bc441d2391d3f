// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Orchestration

/// Which files are different at two points: two sessions compared.
extension Flrs {
  private static let usualCount = 1000
  private static let largestCount = 10_000

  static var comparing: [Route] {
    [
      Route(
        .post,
        "\(session)/comparison",
        "Begins to compare the files of a session with those of another, earlier one of the VM.",
        body: #"{"FromSessionIdentifier": "…", "Path": "/"}"#
      ) { call in
        guard let before = try call.body.text("FromSessionIdentifier"), !before.isEmpty else {
          throw APIError.invalid("FromSessionIdentifier is missing")
        }
        let name = call.parameter("flrSessionIdentifier")
        let path = try call.body.text("Path") ?? "/"
        try await call.site.compareFiles(name, before: before, folder: path)
        return .text(name)
      },
      Route(
        .get,
        "\(session)/comparison",
        "The comparison that was begun last, as far as it is.",
        access: .needs(.recover),
        answer: comparison
      ),
    ]
  }

  private static func comparison(_ call: APICall) async throws -> APIResponse {
    let first = try call.query.integer("firstChange") ?? 0
    let count = try call.query.integer("changeCount") ?? usualCount
    guard first >= 0, (0...largestCount).contains(count) else {
      throw APIError.invalid(
        "firstChange must not be negative, and changeCount be from 0 to \(largestCount)"
      )
    }
    let name = call.parameter("flrSessionIdentifier")
    let page = FileComparisonPage(first: first, count: count)
    return .value(.comparison(try await call.site.fileComparison(name, page), of: name))
  }
}
