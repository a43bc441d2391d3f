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
      ),
      Route(.delete, "session", "Ends the session.", access: .needs(.view), answer: logOff),
    ]
  }

  private static func logOn(_ call: APICall) async throws -> APIResponse {
    guard let credentials = call.request.credentials else {
      throw APIError(status: 401, message: "a name and a password are needed")
    }
    let number =
      try call.body.number("AuthenticationMethod", of: APIEnumerations.authenticationMethod) ?? 0
    let method = AuthenticationMethod(rawValue: number) ?? .operatingSystem
    let throttle = call.service.throttle
    let suspect = LogonThrottle.Suspect(
      user: credentials.user.lowercased(),
      source: call.request.source
    )
    guard let wait = await throttle.wait(for: suspect) else {
      throw APIError(status: 401, message: "too many wrong passwords: try again later")
    }
    if wait > .zero { try await Task.sleep(for: wait) }
    switch await call.service.authenticator.authenticate(credentials, method: method) {
    case .accepted(let user, let role):
      await throttle.succeeded(suspect)
      let session = await call.service.sessions.begin(user: user, role: role)
      var response = APIResponse.empty
      response.sessionToken = session.token
      return response
    case .refused:
      await throttle.failed(suspect)
      throw APIError(status: 401, message: "the name or the password is wrong")
    case .forbidden(let reason):
      throw APIError(status: 403, message: reason)
    case .unavailable(let reason):
      throw APIError(status: 503, message: reason)
    }
  }

  private static func logOff(_ call: APICall) async throws -> APIResponse {
    guard let session = call.session else { throw APIError.unauthorized }
    await call.service.sessions.end(session.token)
    await call.service.drafts.removeAll(session: session.token)
    return .empty
  }
}
