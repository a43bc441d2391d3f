// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CSASL
internal import Foundation
internal import Synchronization

/// The users libvirt lets in over SASL: those of the database that its `libvirt.conf` names,
/// usually `/etc/libvirt/passwd.db`.
package enum LibvirtUsers {
  /// The library is not to be called twice at once.
  private static let turn = Mutex(())

  /// Checks a password.
  ///
  /// The calls block, so they run on a thread of their own. A machine without SASL has no such
  /// users: every password is wrong.
  ///
  /// `database`: The file to ask; nil is what `/etc/sasl2/libvirt.conf` says.
  package static func authenticate(
    user: String,
    password: String,
    database: String? = nil
  ) async -> AuthenticationResult {
    guard !user.isEmpty, !password.isEmpty, !user.utf8.contains(0), !password.utf8.contains(0)
    else { return .wrongCredentials }
    return await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        let status = turn.withLock { _ in understudy_sasl_check(database, user, password) }
        continuation.resume(
          returning: status == Int32(UNDERSTUDY_SASL_RIGHT) ? .success : .wrongCredentials
        )
      }
    }
  }
}
