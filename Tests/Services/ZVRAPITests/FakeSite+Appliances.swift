// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel

/// Remembers what it is asked for, in words.
extension FakeSite {
  func installAppliance(
    on host: HostIdentifier,
    address: String?,
    group: String?,
    notes: [String],
    user: String
  ) throws(SiteError) -> TaskIdentifier {
    try keep("install \(host) \(address ?? "-") \(group ?? "-") \(notes.count)")
  }

  func changeAppliance(
    _ appliance: ApplianceIdentifier,
    group: String?,
    notes: [String],
    user: String
  ) throws(SiteError) -> TaskIdentifier {
    try keep("change \(appliance) \(group ?? "-") \(notes.count)")
  }

  func removeAppliance(
    _ appliance: ApplianceIdentifier,
    user: String
  ) throws(SiteError) -> TaskIdentifier { try keep("remove \(appliance)") }

  func upgradeAppliances(
    _ appliances: [ApplianceIdentifier],
    user: String
  ) throws(SiteError) -> TaskIdentifier {
    try keep("upgrade " + appliances.map(\.rawValue).joined(separator: ","))
  }

  private func keep(_ wish: String) throws(SiteError) -> TaskIdentifier {
    if let refusal { throw refusal }
    applianceWishes.append(wish)
    return TaskIdentifier("6b1f2c0e-0000-4000-8000-0000000000f2")
  }
}
