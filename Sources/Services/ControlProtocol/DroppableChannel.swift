// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import HummingbirdCore
package import Logging
package import NIOCore

/// Connections of `Base`, of which each may be dropped at any time and is closed then.
///
/// A server drops those it has accepted and not begun to serve when its task is cancelled, or while
/// it closes its port. NIO ends the process where a connection is dropped that is still open.
package struct DroppableChannel<Base: ServerChildChannel>: ServerChildChannel {
  private let base: Base

  package init(_ base: Base) { self.base = base }

  package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
    base.setup(channel: channel, logger: logger).map(Connection.init)
  }

  package func handle(value: Connection, logger: Logger) async {
    await base.handle(value: value.base, logger: logger)
    // Not before: it closes the connection when nobody has it any more.
    withExtendedLifetime(value) {}
  }

  /// A connection, open until nobody has it any more.
  package final class Connection: ServerChildChannelValue {
    fileprivate let base: Base.Value

    package var channel: any Channel { base.channel }

    fileprivate init(_ base: Base.Value) { self.base = base }

    deinit {
      // What `Base` made must not go before the connection is closed; one that was served is.
      base.channel.closeFuture.whenComplete { [base] _ in withExtendedLifetime(base) {} }
      base.channel.close(promise: nil)
    }
  }
}
