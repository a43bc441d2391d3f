// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hummingbird
internal import Identity

/// Finds out who is at the other end, for each request anew: a site that is no longer trusted
/// loses its rights on connections it has already.
struct PeerMiddleware: RouterMiddleware {
  typealias Context = ControlContext

  let trust: TrustStore

  @concurrent
  func handle(
    _ request: Request,
    context: ControlContext,
    next: @concurrent (Request, ControlContext) async throws -> Response
  ) async throws -> Response {
    var context = context
    context.peer = await trust.peer(of: context.channel)
    return try await next(request, context)
  }
}
