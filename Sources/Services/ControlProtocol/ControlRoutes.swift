// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hummingbird
internal import HummingbirdCore
internal import Identity
internal import Logging
internal import NIOCore

/// The routes of a control port: what is answered where, and to whom.
///
/// Paths are those of ``ApplianceRoutes`` and ``PeerRoutes``, with `:name` in place of an
/// identifier: `ApplianceRoutes.stream(StreamIdentifier(":stream"))`.
package struct ControlRoutes {
  let router = Router(context: ControlContext.self)

  init(trust: TrustStore, logger: Logger) {
    router.add(middleware: FailureMiddleware(logger: logger))
    router.add(middleware: PeerMiddleware(trust: trust))
  }

  /// Answers a request with a value.
  ///
  /// Errors that are no ``ControlFailure`` become a 500 with
  /// their description.
  package func on<Reply: Encodable & SendableMetatype>(
    _ method: ControlMethod,
    _ path: String,
    from rule: PeerRule,
    answer: @escaping @Sendable (ControlRequest) async throws -> Reply
  ) {
    router.on(RouterPath(path), method: Self.method(method)) { request, context in
      guard rule.allows(context.peer) else {
        let name = context.peer.map(\.description) ?? "a client without a trusted certificate"
        throw ControlFailure(status: 403, message: "this is not for \(name)")
      }
      let reply = try await answer(try await Self.controlRequest(request, context))
      return try Response(json: reply)
    }
  }

  /// Answers a request that has no result.
  package func on(
    _ method: ControlMethod,
    _ path: String,
    from rule: PeerRule,
    perform: @escaping @Sendable (ControlRequest) async throws -> Void
  ) {
    on(method, path, from: rule) { request in
      try await perform(request)
      return ControlAcknowledgement()
    }
  }

  /// Answers a request with bytes, as they come.
  package func onContent(
    _ method: ControlMethod,
    _ path: String,
    from rule: PeerRule,
    answer: @escaping @Sendable (ControlRequest) async throws -> ControlContent
  ) {
    router.on(RouterPath(path), method: Self.method(method)) { request, context in
      guard rule.allows(context.peer) else {
        let name = context.peer.map(\.description) ?? "a client without a trusted certificate"
        throw ControlFailure(status: 403, message: "this is not for \(name)")
      }
      let content = try await answer(try await Self.controlRequest(request, context))
      return Response(
        status: .ok,
        headers: [.contentType: "application/octet-stream"],
        body: ResponseBody(contentLength: content.byteCount) { writer in
          for try await bytes in content.parts { try await writer.write(ByteBuffer(bytes: bytes)) }
          try await writer.finish(nil)
        }
      )
    }
  }

  private static func controlRequest(
    _ request: Request,
    _ context: ControlContext
  ) async throws -> ControlRequest {
    func texts(_ pairs: some Sequence<(key: Substring, value: Substring)>) -> [String: String] {
      Dictionary(pairs.map { (String($0.key), String($0.value)) }) { first, _ in first }
    }
    return ControlRequest(
      peer: context.peer,
      parameters: texts(context.parameters),
      queries: texts(request.uri.queryParameters),
      body: try await request.body.collect(upTo: ControlCoding.bodyLimit)
    )
  }

  private static func method(_ method: ControlMethod) -> HTTPRequest.Method {
    switch method {
    case .get: .get
    case .put: .put
    case .post: .post
    case .delete: .delete
    }
  }
}
