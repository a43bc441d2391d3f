// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Putting appliances into service and out of it.
///
/// An appliance is a service of its host, installed with the host's own tools; a site takes it up
/// once it runs there.
package protocol ApplianceManaging: Sendable {
  /// Begins to put the appliance of a host into service.
  ///
  /// `address`: Where it is; nil is where the host's name leads.
  ///
  /// `notes`: What the task says when it is done.
  func installAppliance(
    on host: HostIdentifier,
    address: String?,
    group: String?,
    notes: [String],
    user: String
  ) async throws(SiteError) -> TaskIdentifier
  /// Begins to put an appliance into another group; nil leaves it where it is.
  func changeAppliance(
    _ appliance: ApplianceIdentifier,
    group: String?,
    notes: [String],
    user: String
  ) async throws(SiteError) -> TaskIdentifier
  /// Begins to take an appliance out of service that nothing uses.
  func removeAppliance(
    _ appliance: ApplianceIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier
  /// Begins to have appliances, one after the other, run the program that is installed on their
  /// hosts.
  func upgradeAppliances(
    _ appliances: [ApplianceIdentifier],
    user: String
  ) async throws(SiteError) -> TaskIdentifier
}
