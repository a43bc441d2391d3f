// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import Foundation
internal import JWTKit
package import RecoveryModel

/// A key that signs tokens: ES256, which is ECDSA on P-256 (RFC 7518, section 3.4).
package struct TokenKey: Codable, Sendable, Equatable {
  /// `kid` in a token's header.
  package var identifier: String
  package var privateKeyPEM: String
  package var made: WallTime

  package init(identifier: String, privateKeyPEM: String, made: WallTime) {
    self.identifier = identifier
    self.privateKeyPEM = privateKeyPEM
    self.made = made
  }

  /// A new key.
  package static func make(at now: WallTime) -> TokenKey {
    TokenKey(
      identifier: UUID().uuidString.lowercased(),
      privateKeyPEM: P256.Signing.PrivateKey().pemRepresentation,
      made: now
    )
  }
}

/// What a token says, under the names of RFC 7519 and OpenID Connect; times are Unix seconds.
package struct TokenClaims: Codable, Sendable, Equatable {
  package var iss: String
  /// The user as the site's roles name them, such as `os:alice`.
  package var sub: String
  package var preferred_username: String
  package var role: String
  /// The client the token was given to.
  package var azp: String
  /// The session; all tokens of one logon share it.
  package var sid: String
  /// `Bearer` or `Refresh`.
  package var typ: String
  package var iat: Int64
  package var exp: Int64
  package var auth_time: Int64

  package init(
    iss: String,
    sub: String,
    preferred_username: String,
    role: String,
    azp: String,
    sid: String,
    typ: String,
    iat: Int64,
    exp: Int64,
    auth_time: Int64
  ) {
    self.iss = iss
    self.sub = sub
    self.preferred_username = preferred_username
    self.role = role
    self.azp = azp
    self.sid = sid
    self.typ = typ
    self.iat = iat
    self.exp = exp
    self.auth_time = auth_time
  }
}

/// The claims as the library takes them.
private struct Payload: JWTPayload {
  let claims: TokenClaims

  init(_ claims: TokenClaims) { self.claims = claims }

  init(from decoder: any Decoder) throws { claims = try TokenClaims(from: decoder) }

  func encode(to encoder: any Encoder) throws { try claims.encode(to: encoder) }

  /// Times are the caller's to judge, who has the clock.
  func verify(using algorithm: some JWTAlgorithm) async throws {}
}

/// Signs and verifies tokens with a set of keys.
package struct TokenSigner: Sendable {
  private let keys: JWTKeyCollection
  private let newest: JWKIdentifier
  /// The public halves, as members of JSON Web Keys (RFC 7517).
  package let publicKeys: [[String: String]]

  /// Takes the keys, of which the last signs.
  package init(keys: [TokenKey]) async throws(IdentityError) {
    guard let last = keys.last else { throw .malformed("there is no key to sign tokens with") }
    newest = JWKIdentifier(string: last.identifier)
    self.keys = JWTKeyCollection()
    var published: [[String: String]] = []
    for key in keys {
      do {
        let signing = try P256.Signing.PrivateKey(pemRepresentation: key.privateKeyPEM)
        await self.keys.add(
          ecdsa: try ES256PrivateKey(pem: key.privateKeyPEM),
          kid: JWKIdentifier(string: key.identifier)
        )
        let point = signing.publicKey.rawRepresentation
        published.append([
          "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": key.identifier,
          "x": Self.base64URL(point.prefix(32)), "y": Self.base64URL(point.suffix(32)),
        ])
      } catch {
        throw .malformed("the token key \(key.identifier) cannot be read: \(error)")
      }
    }
    publicKeys = published
  }

  package func sign(_ claims: TokenClaims) async throws(IdentityError) -> String {
    do { return try await keys.sign(Payload(claims), kid: newest) } catch {
      throw .malformed("a token cannot be signed: \(error)")
    }
  }

  /// What a token says; nil unless one of the keys signed it.
  package func verify(_ token: String) async -> TokenClaims? {
    try? await keys.verify(token, as: Payload.self).claims
  }

  private static func base64URL(_ bytes: Data) -> String {
    bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }
}
