// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import Synchronization

/// Whom a fake hypervisor lets in, and whom the manager logs in as.
final class FakeAccounts: Sendable {
  /// nil asks nobody.
  let wanted = Mutex<HypervisorAccount?>(nil)
  let used = Mutex<HypervisorAccount?>(nil)
}

extension FakeHypervisor {
  func setWanted(_ account: HypervisorAccount?) { accounts.wanted.withLock { $0 = account } }

  nonisolated var used: HypervisorAccount? { accounts.used.withLock(\.self) }

  func tryAccount(_ account: HypervisorAccount) throws(HypervisorError) -> Bool {
    guard let wanted = accounts.wanted.withLock(\.self) else { return false }
    guard account == wanted else { throw .unreachable("authentication failed") }
    return true
  }

  nonisolated func use(_ account: HypervisorAccount) { accounts.used.withLock { $0 = account } }
}
