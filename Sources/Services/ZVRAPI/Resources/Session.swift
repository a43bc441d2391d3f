// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// `/v1/session`: logging on and off.
enum Session: Resource {
  static let root = "session"
  static let interface = "ISessionService"

  static var routes: [Route] {
    [
      Route(
        .post,
        "session/add",
        "Begins a session for the user of the HTTP Basic credentials. The answer's header "
          + "x-zerto-session carries its token.",
        body: #"{"AuthenticationMethod": 0}"#,
        access: .anyone,
        answer: logOn
      )
    ] + ending.confined(.harmless)
  }

  private static var ending: [Route] {
    [Route(.delete, "session", "Ends the session.", access: .needs(.view), answer: logOff)]
  }

  private static func logOn(_ call: APICall) async throws -> APIResponse {
    guard let credentials = call.request.credentials else {
      throw APIError(status: 401, message: "a name and a password are needed")
    }
    let number =
      try call.body.number("AuthenticationMethod", of: APIEnumerations.authenticationMethod) ?? 0
    let account = try await call.service.logOn(
      credentials,
      from: call.request.source,
      methods: [AuthenticationMethod(rawValue: number) ?? .operatingSystem]
    )
    let session = await call.service.sessions.begin(account)
    var response = APIResponse.empty
    response.sessionToken = session.token
    return response
  }

  private static func logOff(_ call: APICall) async throws -> APIResponse {
    guard let session = call.session else { throw APIError.unauthorized }
    await call.service.sessions.end(session.token)
    try await call.service.tokens?.end(session.token)
    await call.service.drafts.removeAll(openedBy: session.token)
    return .empty
  }
}
