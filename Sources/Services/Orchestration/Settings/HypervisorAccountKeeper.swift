// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Identity
internal import Logging
internal import Store

/// Keeps the account that a call of the API gave the manager for its hosts.
///
/// It goes before the one of the configuration, which may be older.
struct HypervisorAccountKeeper: Sendable {
  /// What its password is sealed for.
  private static let owner = "hypervisor account"

  let context: SiteContext

  /// Uses what is kept, if there is any.
  ///
  /// A manager that cannot read it starts all the same: a call can give it anew.
  func load() async {
    do {
      guard let record = try await context.store.hypervisorAccount() else { return }
      guard let box = context.secrets else { throw IdentityError.malformed("no secrets are kept") }
      let password = try box.open(record.sealedPassword, for: Self.owner)
      context.hypervisor.use(HypervisorAccount(user: record.user, password: password))
    } catch {
      context.logger.error(
        "the account for the hypervisor cannot be read",
        metadata: ["reason": "\(error)"]
      )
    }
  }

  /// Proves an account, keeps it and uses it.
  func change(to account: HypervisorAccount) async throws(SiteError) {
    guard let box = context.secrets else { throw .failed("This manager keeps no secrets.") }
    let isAsked: Bool
    do throws(HypervisorError) { isAsked = try await context.hypervisor.tryAccount(account) } catch
    {
      guard case .unreachable(let reason) = error else { throw SiteError(error) }
      throw .invalid("The hypervisor does not let \(account.user) in: \(reason)")
    }
    guard isAsked else {
      throw .invalid(
        "No host of the site asks for an account: libvirt lets the manager in as it is."
      )
    }
    do {
      try await context.store.save(
        HypervisorAccountRecord(
          user: account.user,
          sealedPassword: try box.seal(account.password, for: Self.owner)
        )
      )
    } catch { throw .failed("The account cannot be kept: \(error)") }
    context.hypervisor.use(account)
  }
}
