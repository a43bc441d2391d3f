// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// `/auth/realms/zerto`: tokens instead of sessions, as the appliances give them out (OpenID
/// Connect Discovery 1.0, RFC 6749).
enum OpenIDConnect {
  private static let realm = "/auth/realms/zerto"
  private static let tokenPath = "\(realm)/protocol/openid-connect/token"
  private static let keysPath = "\(realm)/protocol/openid-connect/certs"

  static var routes: [Route] {
    [
      Route(
        .post,
        tokenPath,
        "Gives tokens for grant_type password, client_credentials or refresh_token; the body is a "
          + "form.",
        access: .anyone,
        answer: token
      ),
      Route(.get, keysPath, "The keys that verify tokens.", access: .anyone) { call in
        let keys = try await service(call).publicKeys()
        return .value(
          .object(
            "JsonWebKeySet",
            [
              "keys": .list(
                keys.map { key in
                  .object(
                    APIObject(
                      type: "JsonWebKey",
                      members: key.sorted { $0.key < $1.key }
                        .map { APIMember(name: $0.key, value: .string($0.value)) }
                    )
                  )
                },
                element: "JsonWebKey"
              )
            ]
          )
        )
      },
      Route(
        .get,
        "\(realm)/.well-known/openid-configuration",
        "What there is and where.",
        access: .anyone
      ) { call in
        let base = call.request.baseURL
        func texts(_ texts: String...) -> APIValue {
          .list(texts.map(APIValue.string), element: "string")
        }
        return .value(
          .object(
            "OpenIDConfiguration",
            [
              "issuer": .string(try service(call).issuer),
              "token_endpoint": .string(base + tokenPath),
              "jwks_uri": .string(base + keysPath),
              "grant_types_supported": texts("password", "client_credentials", "refresh_token"),
              "token_endpoint_auth_methods_supported": texts(
                "client_secret_post",
                "client_secret_basic"
              ),
              "id_token_signing_alg_values_supported": texts("ES256"),
              "subject_types_supported": texts("public"),
              "response_types_supported": texts("token"),
              "scopes_supported": texts("openid"),
            ]
          )
        )
      },
    ]
  }

  private static func service(_ call: APICall) throws(APIError) -> any TokenService {
    guard let tokens = call.service.tokens else { throw .notFound("no tokens are given out here") }
    return tokens
  }

  /// Why there are no tokens, in the form of RFC 6749, section 5.2.
  private struct Refusal: Error {
    let status: Int
    let code: String
    let text: String

    static func malformed(_ text: String) -> Refusal {
      Refusal(status: 400, code: "invalid_request", text: text)
    }

    var response: APIResponse {
      APIResponse(
        status: status,
        content: .value(
          .object("TokenError", ["error": .string(code), "error_description": .string(text)])
        )
      )
    }
  }

  private static func token(_ call: APICall) async throws -> APIResponse {
    let tokens = try service(call)
    do {
      let pair = try await grant(
        APIQuery(text: String(decoding: call.request.body, as: UTF8.self)),
        call,
        tokens
      )
      return .value(
        .object(
          "SuccessTokenResult",
          [
            "access_token": .string(pair.access),
            "expires_in": .integer(Int64(pair.accessLifetime)),
            "refresh_expires_in": .integer(Int64(pair.refreshLifetime)),
            "refresh_token": .string(pair.refresh),
            "token_type": .string("Bearer"),
            "not-before-policy": .integer(0),
            "session_state": .string(pair.session),
            "scope": .string("openid"),
          ]
        )
      )
    } catch let refusal as Refusal {
      return refusal.response
    }
  }

  private static func grant(
    _ form: APIQuery,
    _ call: APICall,
    _ tokens: any TokenService
  ) async throws -> TokenPair {
    guard let grant = form.text("grant_type") else {
      throw Refusal.malformed("grant_type is missing")
    }
    let named = form.text("client_id") ?? call.request.credentials?.user
    guard let client = named else { throw Refusal.malformed("client_id is missing") }
    // The vendor's SDK asks for an hour, and never renews.
    let lifetime = form.text("expires_in").flatMap { Int($0) }
    switch grant {
    case "password":
      guard let user = form.text("username"), let password = form.text("password") else {
        throw Refusal.malformed("username or password is missing")
      }
      try await prove(client, isSecretNeeded: true, form, call, tokens)
      let account = try await proven(code: "invalid_grant") {
        try await call.service.logOn(
          APIRequest.Credentials(user: user, password: password),
          from: call.request.source,
          methods: [.operatingSystem, .manager]
        )
      }
      return try await tokens.begin(account, client: client, lifetime: lifetime)
    case "client_credentials":
      guard let secret = secret(of: client, form, call) else {
        throw Refusal.malformed("client_secret is missing")
      }
      let account = try await proven(code: "invalid_client") {
        try await call.service.logOn(
          client: client,
          secret: secret,
          from: call.request.source,
          tokens: tokens
        )
      }
      return try await tokens.begin(account, client: client, lifetime: lifetime)
    case "refresh_token":
      guard let token = form.text("refresh_token") else {
        throw Refusal.malformed("refresh_token is missing")
      }
      try await prove(client, isSecretNeeded: false, form, call, tokens)
      let renewed = try await tokens.refresh(token, client: client, lifetime: lifetime)
      guard let pair = renewed else {
        throw Refusal(
          status: 400,
          code: "invalid_grant",
          text: "the refresh token is none of ours, or expired"
        )
      }
      return pair
    default:
      throw Refusal(
        status: 400,
        code: "unsupported_grant_type",
        text: "grant_type may be password, client_credentials or refresh_token"
      )
    }
  }

  /// In the form, or in the header in place of a user's password.
  private static func secret(of client: String, _ form: APIQuery, _ call: APICall) -> String? {
    if let secret = form.text("client_secret") { return secret }
    guard let credentials = call.request.credentials, credentials.user == client else { return nil }
    return credentials.password
  }

  /// Lets nobody else speak for a client that has a secret (RFC 6749, sections 3.2.1 and 6).
  ///
  /// A client that was made here for no one, `zerto-client` say, has nothing to prove, whatever it
  /// sends. Published clients renew without their secret: the refresh token is one.
  private static func prove(
    _ client: String,
    isSecretNeeded: Bool,
    _ form: APIQuery,
    _ call: APICall,
    _ tokens: any TokenService
  ) async throws {
    let secret = secret(of: client, form, call)
    guard secret != nil || isSecretNeeded, try await tokens.isRegistered(client: client) else {
      return
    }
    try await proven(code: "invalid_client") {
      try await call.service.prove(
        client: client,
        secret: secret,
        from: call.request.source,
        tokens: tokens
      )
    }
  }

  /// Says a refused logon in this endpoint's form.
  private static func proven<Proof>(
    code: String,
    _ body: () async throws -> Proof
  ) async throws -> Proof {
    do { return try await body() } catch let error as APIError {
      let known = [403: "access_denied", 503: "temporarily_unavailable"]
      throw Refusal(
        status: error.status,
        code: known[error.status] ?? code,
        text: error.message
      )
    }
  }
}
