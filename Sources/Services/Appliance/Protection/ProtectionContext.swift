// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Identity
package import Logging
package import ReplicationTransport

/// What a protected stream needs of its appliance.
package struct ProtectionContext: Sendable {
  /// Where sockets are; short, for a socket's path has at most 107 bytes.
  package let runFolder: String
  /// Who may use the sockets.
  package let sockets: SocketAccess
  package let identity: TLSIdentity
  package let trust: TrustStore
  /// What all the streams of the appliance may take of the line together.
  package let limiter: LinkLimiter
  /// Where links that are refused are counted.
  package let refusals: RefusalLog
  package let logger: Logger
  /// The most memory for one stream's buffer, in bytes.
  package let largestBuffer: UInt64

  package init(
    runFolder: String,
    sockets: SocketAccess = .own,
    identity: TLSIdentity,
    trust: TrustStore,
    limiter: LinkLimiter = LinkLimiter(),
    refusals: RefusalLog? = nil,
    logger: Logger,
    largestBuffer: UInt64
  ) {
    self.runFolder = runFolder
    self.sockets = sockets
    self.identity = identity
    self.trust = trust
    self.limiter = limiter
    self.refusals = refusals ?? RefusalLog(logger: logger)
    self.logger = logger
    self.largestBuffer = largestBuffer
  }
}
