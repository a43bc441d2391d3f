// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity
package import Logging
internal import NIOPosix
package import Store
package import ZVRAPI

/// Lets users log on: the operating system's, the manager's own, libvirt's and a directory's.
package struct ManagerAuthenticator: Authenticator {
  private let store: any Store
  private let roles: RoleBook
  private let pamService: String
  private let access: AccessConfiguration
  private let logger: Logger
  /// Compared with where there is no such user, so that the time tells nothing.
  private let decoy: String

  /// `pamService`: PAM's rules, a file in `/etc/pam.d`.
  ///
  /// Throws if passwords cannot be hashed here.
  package init(
    store: any Store,
    roles: RoleBook,
    pamService: String,
    access: AccessConfiguration,
    logger: Logger
  ) throws {
    self.store = store
    self.roles = roles
    self.pamService = pamService
    self.access = access
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
    case .accepted(let account):
      logger.info(
        "logged on",
        metadata: ["user": "\(account.subject)", "role": "\(account.role.rawValue)"]
      )
    case .refused: logger.notice("logon refused", metadata: ["user": "\(name)"])
    case .forbidden(let reason), .unavailable(let reason):
      logger.warning("logon failed", metadata: ["user": "\(name)", "reason": "\(reason)"])
    }
    return outcome
  }

  /// Asks one source of users after the other until one knows the password.
  ///
  /// What a source says that could not be asked is the answer if no other accepts.
  private func check(
    _ credentials: APIRequest.Credentials,
    _ method: AuthenticationMethod
  ) async -> AuthenticationOutcome {
    guard let name = LoginName(credentials.user), !credentials.password.isEmpty else {
      return .refused
    }
    let sources: [RoleBook.Source] =
      switch method {
      case .operatingSystem: [.operatingSystem, .manager]
      case .manager: [.manager, .libvirt, .directory]
      }
    var worst = AuthenticationOutcome.refused
    for source in sources {
      switch await ask(source, name.account, credentials.password) {
      case .success: return await admit(name.account, from: source)
      case .accountUnavailable(let reason): return .forbidden(reason)
      case .unavailable(let reason): worst = .unavailable(reason)
      case .wrongCredentials: break
      }
    }
    return worst
  }

  private func ask(
    _ source: RoleBook.Source,
    _ name: String,
    _ password: String
  ) async -> AuthenticationResult {
    switch source {
    case .operatingSystem:
      return await OperatingSystemUsers.authenticate(
        user: name,
        password: password,
        service: pamService
      )
    case .manager: return await checkOwn(name, password)
    case .libvirt:
      return await LibvirtUsers.authenticate(
        user: name,
        password: password,
        database: access.saslDatabase
      )
    case .directory:
      guard let service = access.directoryPAMService else { return .wrongCredentials }
      return await OperatingSystemUsers.authenticate(
        user: name,
        password: password,
        service: service
      )
    case .client: return .wrongCredentials
    }
  }

  /// Finds the role of a user whose password was right.
  private func admit(_ login: String, from source: RoleBook.Source) async -> AuthenticationOutcome {
    // A system whose users are a directory's may know them by another spelling than was sent.
    let known = source == .operatingSystem ? await OperatingSystemUsers.name(of: login) : nil
    let name = known ?? login
    do {
      guard let role = try await roles.role(of: name, in: source) else {
        return .forbidden("the user \(name) has no role at this site")
      }
      return .accepted(
        Account(name: name, subject: RoleBook.subject(name, in: source), role: role)
      )
    } catch {
      return .unavailable("the roles cannot be read: \(error)")
    }
  }

  /// Checks a user of the manager's own.
  ///
  /// Hashing takes a while and blocks, so it runs on a thread of NIO's pool.
  private func checkOwn(_ name: String, _ password: String) async -> AuthenticationResult {
    do {
      let user = try await store.user(name)
      let hash = user?.passwordHash ?? decoy
      let isRight = try await NIOThreadPool.singleton.runIfActive {
        PasswordHash.verify(password, against: hash)
      }
      return isRight && user != nil ? .success : .wrongCredentials
    } catch {
      return .unavailable("the users cannot be read: \(error)")
    }
  }
}
