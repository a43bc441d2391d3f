// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Something that happened, kept for people and for audits.
package struct EventRecord: Codable, Sendable, Equatable {
  /// A lower-case GUID.
  package var identifier: String
  package var kind: Kind
  package var occurred: WallTime
  package var description: String
  package var succeeded: Bool
  package var userName: String
  package var vpgs: [VPGIdentifier]
  package var site: SiteIdentifier
  /// The alert that was turned on or off.
  package var alert: String?

  package init(
    identifier: String,
    kind: Kind,
    occurred: WallTime,
    description: String,
    succeeded: Bool,
    userName: String,
    vpgs: [VPGIdentifier],
    site: SiteIdentifier
  ) {
    self.identifier = identifier
    self.kind = kind
    self.occurred = occurred
    self.description = description
    self.succeeded = succeeded
    self.userName = userName
    self.vpgs = vpgs
    self.site = site
  }

  /// What happened.
  ///
  /// Numbers are the API's event types.
  package enum Kind: Int, Codable, Sendable, CaseIterable {
    case unknown = 0
    case createVPG = 1
    case removeVPG = 2
    case failover = 3
    case failoverTest = 4
    case stopFailoverTest = 5
    case move = 6
    case installVRA = 9
    case uninstallVRA = 10
    case updateVPG = 11
    case insertTaggedCheckpoint = 12
    case initialSync = 22
    case pair = 23
    case unpair = 24
    case clone = 30
    case failoverBeforeCommit = 32
    case failoverCommit = 33
    case failoverRollback = 34
    case moveBeforeCommit = 35
    case moveRollback = 36
    case moveCommit = 37
    case upgradeVRA = 39
    case pauseVPG = 42
    case resumeVPG = 43
    case alertTurnedOn = 47
    case alertTurnedOff = 48
    case relocate = 50
    case retain = 51
    case restore = 53
    case preScript = 54
    case postScript = 55
    case mountFiles = 58
    case unmountFiles = 59
    case logIn = 60
  }
}
