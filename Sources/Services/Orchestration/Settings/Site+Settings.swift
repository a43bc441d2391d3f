// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

extension Site {
  package func tweaks() async -> Tweaks { await context.tweaks.tweaks }

  package func set(
    _ tweak: Tweak,
    to setting: Tweaks.Setting?,
    user: String
  ) async throws(SiteError) {
    if let setting, !tweak.range.contains(setting.value) {
      throw .invalid(
        "\(tweak.rawValue) can be \(tweak.range.lowerBound) to \(tweak.range.upperBound)."
      )
    }
    try await context.tweaks.set(tweak, to: setting)
    await context.events.record(
      .unknown,
      setting.map { "The tweak \(tweak.rawValue) was set to \($0.value)." }
        ?? "The tweak \(tweak.rawValue) was set back to \(tweak.usual).",
      user: user
    )
  }

  package func setHypervisorAccount(
    _ account: HypervisorAccount,
    user: String
  ) async throws(SiteError) {
    try await HypervisorAccountKeeper(context: context).change(to: account)
    await context.events.record(
      .unknown,
      "The manager logs in to the hypervisor as \(account.user) from now on.",
      user: user
    )
  }

  package func reportUsage(user: String) async throws(SiteError) {
    let counts = try await licence().sites.map { "\($0.protectedVMs) at \($0.name)" }
    await context.events.record(
      .unknown,
      "Usage: VMs protected: \(counts.joined(separator: ", ")).",
      user: user
    )
  }
}
