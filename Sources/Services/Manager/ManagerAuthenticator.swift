// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity
package import Logging
internal import NIOPosix
package import Store
package import ZVRAPI

/// Lets the operating system's users log on, and the manager's own.
package struct ManagerAuthenticator: Authenticator {
  private let store: any Store
  private let pamService: String
  private let logger: Logger
  /// Compared with where there is no such user, so that the time tells nothing.
  private let decoy: String

  /// `pamService`: PAM's rules, a file in `/etc/pam.d`.
  ///
  /// Throws if passwords cannot be hashed here.
  package init(store: any Store, pamService: String, logger: Logger) throws {
    self.store = store
    self.pamService = pamService
    self.logger = logger
    decoy = try PasswordHash.make("nobody has this password")
  }

  package func authenticate(
    _ credentials: APIRequest.Credentials,
    method: AuthenticationMethod
  ) async -> AuthenticationOutcome {
    let outcome = await check(credentials, method)
    let name = LoginName(credentials.user)?.account ?? ""
    switch outcome {
    case .accepted: logger.info("logged on", metadata: ["user": "\(name)"])
    case .refused: logger.notice("logon refused", metadata: ["user": "\(name)"])
    case .forbidden(let reason), .unavailable(let reason):
      logger.warning("logon failed", metadata: ["user": "\(name)", "reason": "\(reason)"])
    }
    return outcome
  }

  private func check(
    _ credentials: APIRequest.Credentials,
    _ method: AuthenticationMethod
  ) async -> AuthenticationOutcome {
    guard let name = LoginName(credentials.user), !credentials.password.isEmpty else {
      return .refused
    }
    guard method == .operatingSystem else {
      return await checkOwn(name.account, credentials.password)
    }
    switch await OperatingSystemUsers.authenticate(
      user: name.account,
      password: credentials.password,
      service: pamService
    )
    {
    case .success:
      return .accepted(user: name.account)
    case .wrongCredentials:
      return await checkOwn(name.account, credentials.password)
    case .accountUnavailable(let reason):
      return .forbidden(reason)
    case .unavailable(let reason):
      let own = await checkOwn(name.account, credentials.password)
      return own == .refused ? .unavailable(reason) : own
    }
  }

  /// Checks a user of the manager's own.
  ///
  /// Hashing takes a while and blocks, so it runs on a thread of NIO's pool.
  private func checkOwn(_ name: String, _ password: String) async -> AuthenticationOutcome {
    do {
      let user = try await store.user(name)
      let hash = user?.passwordHash ?? decoy
      let isRight = try await NIOThreadPool.singleton.runIfActive {
        PasswordHash.verify(password, against: hash)
      }
      return isRight && user != nil ? .accepted(user: name) : .refused
    } catch {
      return .unavailable("the users cannot be read: \(error)")
    }
  }
}
