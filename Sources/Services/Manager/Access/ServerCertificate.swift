// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Identity
internal import NIOSSL
internal import RecoveryModel
internal import Synchronization

/// The certificate the REST API shows, which can change while it runs.
///
/// Every accepted connection takes the context of that moment and keeps it: an open connection
/// goes on, a new one gets the new certificate.
final class ServerCertificate: Sendable {
  /// How long before its end a certificate is renewed, or an operator warned.
  private static let marginInMilliseconds: Int64 = 30 * 86_400_000

  private struct Shown {
    let identity: TLSIdentity
    let context: NIOSSLContext
    let begins: WallTime
    let ends: WallTime
  }

  /// Holds `cert.pem`, the certificate first and then those between it and its authority, and
  /// `key.pem`.
  let folder: String
  private let shown: Mutex<Shown>

  /// Reads the folder.
  ///
  /// A certificate that has ended is taken: a manager starts all the same, and warns.
  init(folder: String) throws(IdentityError) {
    self.folder = folder
    shown = Mutex(try Self.read(folder))
  }

  /// TLS for a connection that is accepted now.
  var context: NIOSSLContext { shown.withLock(\.context) }

  /// The end of the certificate's validity.
  var ends: WallTime { shown.withLock(\.ends) }

  /// Whether the certificate ends within thirty days, or has ended.
  func isEnding(at now: WallTime) -> Bool {
    ends.milliseconds(since: now) < Self.marginInMilliseconds
  }

  /// Reads the folder again.
  ///
  /// Returns whether there was something new. What cannot be used is refused, and the old stays.
  func reload(at now: WallTime) throws(IdentityError) -> Bool {
    let new = try Self.read(folder)
    guard new.identity != shown.withLock(\.identity) else { return false }
    guard new.begins <= now, now < new.ends else {
      throw .malformed(
        "the certificate in \(folder) is valid from \(Self.text(new.begins)) to "
          + "\(Self.text(new.ends)), and not now"
      )
    }
    shown.withLock { $0 = new }
    return true
  }

  private static func read(_ folder: String) throws(IdentityError) -> Shown {
    let identity = try TLSIdentity(loading: folder)
    var tls = try serverTLS(identity: identity, clientCertificate: .none)
    // Clients of this API are years old; many know nothing newer.
    tls.minimumTLSVersion = .tlsv12
    guard case .certificate(let leaf)? = tls.certificateChain.first else {
      throw .malformed("there is no certificate in \(folder)/cert.pem")
    }
    let context: NIOSSLContext
    do {
      // This compares the key with the certificate.
      context = try NIOSSLContext(configuration: tls)
    } catch {
      throw .malformed("the certificate and the key in \(folder) do not go together: \(error)")
    }
    return Shown(
      identity: identity,
      context: context,
      begins: WallTime(milliseconds: Int64(leaf.notValidBefore) * 1000),
      ends: WallTime(milliseconds: Int64(leaf.notValidAfter) * 1000)
    )
  }

  /// A point in time for an operator.
  static func text(_ time: WallTime) -> String {
    Date(timeIntervalSince1970: Double(time.milliseconds) / 1000).formatted(.iso8601)
  }
}
