// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Identity
internal import Logging
internal import NIOCore
internal import ZVRAPI

/// Carries calls between HTTP and the API: headers, bodies and their limits, and the access log.
struct RESTResponder: HTTPResponder {
  /// A settings object of a hundred VMs has a few hundred kilobytes.
  private static let bodyLimit = 4 << 20

  let service: APIService
  /// Host and port for links where a client's Host header is no use.
  let fallbackAuthority: String
  private let latest = LatestListing()

  func respond(to request: Request, context: RESTContext) async throws -> Response {
    let began = ContinuousClock.now
    let identifier = UUID().uuidString.lowercased()
    let answer = await answer(to: request, context)
    var response = response(answer, hasBody: request.method != .head)
    if let name = HTTPField.Name("x-request-id") { response.headers[name] = identifier }
    context.logger.debug(
      "call",
      metadata: [
        "request": "\(identifier)", "from": "\(context.source)",
        "method": "\(request.method.rawValue)", "path": "\(request.uri.path)",
        "status": "\(answer.status)", "time": "\(began.duration(to: .now))",
      ]
    )
    return response
  }

  private func answer(to request: Request, _ context: RESTContext) async -> APIResponse {
    var answer = await apiAnswer(to: request, context)
    // What is refused before it reaches the API has no format yet.
    answer.format =
      answer.format
      ?? .ofAnswer(
        accept: request.headers[.accept],
        contentType: request.headers[.contentType]
      )
    return answer
  }

  private func apiAnswer(to request: Request, _ context: RESTContext) async -> APIResponse {
    let name = request.method == .head ? "GET" : request.method.rawValue
    guard let method = APIRequest.Method(rawValue: name) else {
      return APIError(status: 405, message: "\(name) is not offered").response
    }
    let body: ByteBuffer
    do {
      body = try await request.body.collect(upTo: Self.bodyLimit)
    } catch is NIOTooManyBytesError {
      // Clients know no 413.
      return APIError(
        status: 400,
        message: "the body has more than \(Self.bodyLimit) bytes"
      ).response
    } catch {
      return APIError(status: 400, message: "the body did not arrive: \(error)").response
    }
    // The target as it came: a parser of addresses would take `//v1` for a host.
    let target = (request.head.path ?? "/").split(
      separator: "?",
      maxSplits: 1,
      omittingEmptySubsequences: false
    )
    return await service.respond(
      to: APIRequest(
        method: method,
        path: String(target[0]),
        query: APIQuery(text: target.count == 2 ? String(target[1]) : nil),
        body: Array(body.readableBytesView),
        accept: request.headers[.accept],
        contentType: request.headers[.contentType],
        baseURL: "https://\(authority(of: request))",
        token: Self.sessionName.flatMap { request.headers[$0] },
        bearer: Self.bearer(request.headers[.authorization]),
        credentials: Self.credentials(request.headers[.authorization]),
        source: context.source
      )
    )
  }

  private static let sessionName = HTTPField.Name("x-zerto-session")

  /// The host and port that the client used, if they can be part of an address.
  private func authority(of request: Request) -> String {
    guard let authority = request.head.authority, !authority.isEmpty,
      authority.utf8.allSatisfy({ byte in
        let scalar = Unicode.Scalar(byte)
        return byte < 0x80
          && (Character(scalar).isLetter || Character(scalar).isNumber
            || ".-_:[]".unicodeScalars.contains(scalar))
      })
    else { return fallbackAuthority }
    return authority
  }

  /// The token of RFC 6750; nil without one.
  private static func bearer(_ header: String?) -> String? {
    guard let words = header?.split(separator: " "), words.count == 2,
      words[0].lowercased() == "bearer"
    else { return nil }
    return String(words[1])
  }

  /// The name and password of HTTP Basic; nil without them.
  private static func credentials(_ header: String?) -> APIRequest.Credentials? {
    guard let words = header?.split(separator: " "), words.count == 2,
      words[0].lowercased() == "basic", let data = Data(base64Encoded: String(words[1])),
      let text = String(data: data, encoding: .utf8) ?? String(data: data, encoding: .isoLatin1)
    else { return nil }
    let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard halves.count == 2 else { return nil }
    return APIRequest.Credentials(user: String(halves[0]), password: String(halves[1]))
  }

  private func response(_ answer: APIResponse, hasBody: Bool) -> Response {
    var headers = HTTPFields()
    let listed = answer.listed
    let content = listed == nil ? answer.pieces : nil
    headers[.contentType] = listed == nil ? content?.mediaType : APIResponse.json
    let text =
      listed.map(latest.text) ?? content.map { ByteBuffer(joining: $0.bytes) } ?? ByteBuffer()
    headers[.cacheControl] = "no-store"
    if answer.isChallenge { headers[.wwwAuthenticate] = #"Basic realm="Understudy""# }
    if let token = answer.sessionToken, let name = Self.sessionName { headers[name] = token }
    if case .stream(let stream) = answer.content {
      headers[.contentType] = "application/octet-stream"
      // The name as RFC 8187 writes it, which needs no quoting.
      headers[.contentDisposition] =
        "attachment; filename*=UTF-8''\(PercentEncoding.encode(stream.fileName))"
      guard hasBody else { return Response(status: .ok, headers: headers) }
      return Response(
        status: .ok,
        headers: headers,
        body: ResponseBody(contentLength: stream.content.byteCount) { writer in
          for try await bytes in stream.content.parts {
            try await writer.write(ByteBuffer(bytes: bytes))
          }
          try await writer.finish(nil)
        }
      )
    }
    return Response(
      status: HTTPResponse.Status(code: answer.status),
      headers: headers,
      body: ResponseBody(byteBuffer: hasBody ? text : ByteBuffer())
    )
  }
}
