// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hummingbird
internal import NIOCore

/// What a request brings along from its connection.
struct RESTContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// The client's address, without the port; empty if it is gone.
  let source: String

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    self.source = source.channel.remoteAddress?.ipAddress ?? ""
  }
}
