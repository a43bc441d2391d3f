// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hummingbird
internal import Identity
internal import NIOCore

/// What a request brings along from its connection.
struct ControlContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// Set by ``PeerMiddleware``.
  var peer: PeerIdentity?

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}
