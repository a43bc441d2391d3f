// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import Crypto
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import RecoveryModel

/// Posts events to one web address, signed with a secret both sides know.
///
/// The header `X-Understudy-Signature` is `sha256=` and the HMAC-SHA256, in hexadecimal, of the
/// header `X-Understudy-Timestamp`, a full stop and the body.
actor WebhookSender: EventSender {
  private static let patience = TimeAmount.seconds(10)

  private let url: String
  private let secret: SymmetricKey
  private let tls: TLSConfiguration
  /// Made with the first event: one that is made has to be shut down.
  private var client: HTTPClient?

  init(_ url: String, secret: String, tls: TLSConfiguration) {
    self.url = url
    self.secret = SymmetricKey(data: Data(secret.utf8))
    self.tls = tls
  }

  private func connected() -> HTTPClient {
    if let client { return client }
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
    configuration.redirectConfiguration = .disallow
    let made = HTTPClient(configuration: configuration)
    client = made
    return made
  }

  func send(_ event: EventRecord) async throws {
    let body = try Self.body(of: event)
    let time = "\(Int(Date().timeIntervalSince1970))"
    let code = HMAC<SHA256>.authenticationCode(for: Data("\(time).".utf8) + body, using: secret)
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json")
    request.headers.add(name: "X-Understudy-Timestamp", value: time)
    request.headers.add(
      name: "X-Understudy-Signature",
      value: "sha256=" + code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    )
    request.body = .bytes(ByteBuffer(bytes: body))
    let response = try await connected().execute(request, timeout: Self.patience)
    guard (200..<300).contains(response.status.code) else {
      throw ForwardingRefusal(status: Int(response.status.code))
    }
  }

  func close() async {
    try? await client?.shutdown()
    client = nil
  }

  private struct Body: Encodable {
    let id: String
    let kind: String
    let type: Int
    let occurred: String
    let description: String
    let succeeded: Bool
    let user: String
    let site: String
    let vpgs: [String]
  }

  private static func body(of event: EventRecord) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(
      Body(
        id: event.identifier,
        kind: "\(event.kind)",
        type: event.kind.rawValue,
        occurred: Date(timeIntervalSince1970: Double(event.occurred.milliseconds) / 1000)
          .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)),
        description: event.description,
        succeeded: event.succeeded,
        user: event.userName,
        site: event.site.rawValue,
        vpgs: event.vpgs.map(\.rawValue)
      )
    )
  }
}

/// A receiver that took the connection and not the event.
struct ForwardingRefusal: Error, CustomStringConvertible {
  let status: Int

  /// Whether it may take the same event later on.
  var isTemporary: Bool { status >= 500 || [408, 429].contains(status) }

  var description: String { "it answered with \(status)" }
}
