// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The licence a site was given.
///
/// Understudy needs none: the key is kept for clients that set and read it, and never blocks
/// anything.
package struct LicenceRecord: Codable, Sendable, Equatable {
  package var key: String
  package var since: WallTime

  package init(key: String, since: WallTime) {
    self.key = key
    self.since = since
  }
}

/// A level of service that VPGs can be given by name.
package struct ServiceProfile: Codable, Sendable, Equatable {
  /// A lower-case GUID.
  package var identifier: String
  package var name: String
  package var description: String
  package var rpoInSeconds: Int
  package var historyInHours: Int
  package var testIntervalInMinutes: Int
  /// Of the size of a VM's disks; 0 is no limit.
  package var journalLimitInPercent: Int
  package var journalWarningInPercent: Int

  package init(
    identifier: String,
    name: String,
    description: String = "",
    rpoInSeconds: Int = 300,
    historyInHours: Int = 24,
    testIntervalInMinutes: Int = 262_080,
    journalLimitInPercent: Int = 0,
    journalWarningInPercent: Int = 0
  ) {
    self.identifier = identifier
    self.name = name
    self.description = description
    self.rpoInSeconds = rpoInSeconds
    self.historyInHours = historyInHours
    self.testIntervalInMinutes = testIntervalInMinutes
    self.journalLimitInPercent = journalLimitInPercent
    self.journalWarningInPercent = journalWarningInPercent
  }
}

/// An organisation that VPGs belong to: a tenant (ZORG).
package struct Organisation: Codable, Sendable, Equatable {
  /// A lower-case GUID.
  package var identifier: String
  package var name: String

  package init(identifier: String, name: String) {
    self.identifier = identifier
    self.name = name
  }
}
