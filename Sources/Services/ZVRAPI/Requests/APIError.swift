// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Orchestration
internal import Scripts

/// A refusal: the HTTP status and what the person who asked is told.
package struct APIError: Error, Equatable, Sendable {
  package var status: Int
  package var message: String

  package init(status: Int, message: String) {
    self.status = status
    self.message = message
  }

  static func invalid(_ message: String) -> APIError { APIError(status: 400, message: message) }

  static func notFound(_ message: String) -> APIError { APIError(status: 404, message: message) }

  static func conflict(_ message: String) -> APIError { APIError(status: 409, message: message) }

  static let unauthorized = APIError(
    status: 401,
    message: "log on first: there is no such session, or it expired"
  )

  static func forbidden(_ permission: Permission, _ role: Role) -> APIError {
    APIError(
      status: 403,
      message: "this needs the permission “\(permission.rawValue)”, which the role "
        + "“\(role.rawValue)” does not have"
    )
  }

  /// The status clients know for what a site refuses.
  package init(_ error: SiteError) {
    let status =
      switch error {
      case .notFound: 404
      case .invalid, .rejected: 400
      case .conflict: 409
      case .unreachable: 503
      case .failed: 500
      }
    self.init(status: status, message: error.message)
  }

  /// The same for what is refused of scripts.
  init(_ error: ScriptError) {
    let status =
      switch error {
      case .invalid: 400
      case .notFound: 404
      case .conflict: 409
      case .failed: 500
      }
    self.init(status: status, message: error.message)
  }

  /// The refusal in the API's form.
  ///
  /// Clients read the text under one of two names. No two members differ by case alone:
  /// PowerShell's `ConvertFrom-Json` refuses such a body.
  package var response: APIResponse {
    let body = APIValue.object(
      "ErrorApi",
      [
        "Message": .string(message),
        "errorCode": .integer(status),
        "errorMessage": .string(message),
      ]
    )
    return APIResponse(status: status, content: .value(body), isChallenge: status == 401)
  }
}
