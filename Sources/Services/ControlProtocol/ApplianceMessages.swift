// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// The authorities whose appliances may open streams to this one, or be sent to.
package struct TrustRequest: Codable, Sendable, Equatable {
  /// PEM certificates, by site.
  package var authorities: [SiteIdentifier: String]

  package init(authorities: [SiteIdentifier: String]) { self.authorities = authorities }
}

/// What the appliance's streams may take of the line together, also after a restart.
package struct BandwidthRequest: Codable, Sendable, Equatable {
  /// The site's.
  package var schedule: BandwidthSchedule
  /// The appliance's part of it, above 0 and at most 1.
  package var part: Double

  package init(schedule: BandwidthSchedule, part: Double) {
    self.schedule = schedule
    self.part = part
  }
}
