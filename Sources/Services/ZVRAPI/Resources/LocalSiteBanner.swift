// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The calls for what a person is shown before logging on, under both spellings clients use, and
/// for the certificate to be trusted before that.
enum LocalSiteBanner {
  /// As early clients of release 10 write it, who ask with a session.
  private static let misspelt = "logingbanner"

  static var routes: [Route] {
    ["loginBanner", misspelt].flatMap { name in
      [
        Route(
          .get,
          "localsite/settings/\(name)",
          "What is shown before a logon.",
          access: name == misspelt ? .needs(.view) : .anyone
        ) { call in
          let banner = try await book(call).banner()
          return .value(
            .object(
              "LoginBannerSettingsApi",
              [
                "IsLoginBannerEnabled": .bool(banner.isShown),
                "LoginBanner": .string(banner.text),
              ]
            )
          )
        },
        Route(
          .put,
          "localsite/settings/\(name)",
          "Changes what is shown before a logon.",
          body: #"{"IsLoginBannerEnabled": true, "LoginBanner": "For staff only."}"#
        ) { call in
          let old = try await book(call).banner()
          let text = try call.body.text("LoginBanner") ?? old.text
          guard text.utf8.count <= 10_000 else {
            throw APIError.invalid("LoginBanner has more than 10000 bytes")
          }
          try await book(call).setBanner(
            LoginBanner(
              isShown: try call.body.flag("IsLoginBannerEnabled") ?? old.isShown,
              text: text
            )
          )
          return .empty
        },
      ]
    }
  }

  /// `GET /ca.pem`, for a person with a browser.
  static var authority: Route {
    Route(.get, "/ca.pem", "The certificate of the site's authority.", access: .anyone) { call in
      APIResponse(
        status: 200,
        content: .document(
          Array(try book(call).authorityPEM.utf8),
          mediaType: "application/x-pem-file"
        )
      )
    }
  }

  static func book(_ call: APICall) throws(APIError) -> any AccessBook {
    guard let book = call.service.book else { throw .notFound("nothing is remembered here") }
    return book
  }
}
