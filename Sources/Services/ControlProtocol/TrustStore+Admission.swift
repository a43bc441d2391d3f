// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity
internal import NIOCore

/// The other end has a certificate of a trusted site, but not that of the peer that was meant.
struct UnexpectedPeer: Error {}

extension TrustStore {
  /// Lets a new connection be used if its server is an expected one, and closes it otherwise.
  ///
  /// TLS has verified the chain already; which process of the site it is, TLS cannot tell.
  func admit(
    _ channel: any Channel,
    expecting isExpected: @escaping @Sendable (PeerIdentity) -> Bool
  ) -> EventLoopFuture<Void> {
    let admission = channel.eventLoop.makeFutureWithTask { await self.peer(of: channel) }
      .flatMapThrowing { peer in
        // The connection pool learns of a close only from here while it waits for this answer.
        guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
        guard let peer, isExpected(peer) else { throw UnexpectedPeer() }
      }
    admission.whenFailure { _ in
      // Later, since the pool must hear of the failure before it hears of the close.
      channel.eventLoop.execute { channel.close(promise: nil) }
    }
    return admission
  }
}
