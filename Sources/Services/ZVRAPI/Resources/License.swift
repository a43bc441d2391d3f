// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/license`: the licence key.
///
/// Understudy needs none. A key is kept for clients that set and read it, and blocks nothing.
enum License: Resource {
  static let root = "license"
  static let interface = "ILicenseService"

  private static let longestKey = 512

  static var routes: [Route] {
    [
      Route(.get, "license", "The licence, and how many VMs are protected.") { call in
        .value(.licence(try await call.site.licence()))
      },
      Route(
        .put,
        "license",
        "Keeps a licence key.",
        body: #"{"LicenseKey": "ABCD-1234"}"#
      ) { call in
        guard let key = try call.body.text("LicenseKey")?.trimmed, !key.isEmpty else {
          throw APIError.invalid("LicenseKey is missing")
        }
        guard key.utf8.count <= longestKey, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
          throw APIError.invalid(
            "LicenseKey is no key: up to \(longestKey) letters, digits and signs without blanks"
          )
        }
        try await call.site.setLicence(key, user: call.user)
        return .empty
      },
      Route(.delete, "license", "Forgets the licence key.") { call in
        try await call.site.setLicence(nil, user: call.user)
        return .empty
      },
    ]
  }
}

extension String {
  /// The text without blanks around it.
  fileprivate var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
