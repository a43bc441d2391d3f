// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// How one recovery went: who began it, to which point, what was done when, and the result.
package struct RecoveryReport: Codable, Sendable, Equatable {
  /// The recovery operation's own identifier.
  package var identifier: String
  package var kind: Kind
  package var vpg: VPGIdentifier
  package var vpgName: String
  package var protectedSiteName: String
  package var recoverySiteName: String
  package var user: String
  package var checkpoint: Checkpoint
  package var began: WallTime
  /// When all VMs were running; nil if they never were.
  package var recovered: WallTime?
  package var ended: WallTime
  /// Why it failed; empty if it did not.
  package var failure: String
  package var notes: String
  package var steps: [Step]
  package var machines: [Machine]
  /// The VPG's defaults: host, datastore and network, by name.
  package var defaults: Defaults
  // What follows is missing in reports of recoveries that an older release began.
  /// Who asked for what, and when: the recovery itself first, then how it was to end.
  package var requests: [Request]?
  /// How much older the recovered point was than the request, in seconds; 0 of a move whose VMs
  /// were off before the point was made.
  package var rpoInSeconds: Double?
  /// What was checked, and how; nothing is in it that did not happen.
  package var verifications: [Verification]?

  package init(
    identifier: String,
    kind: Kind,
    vpg: VPGIdentifier,
    vpgName: String,
    protectedSiteName: String,
    recoverySiteName: String,
    user: String,
    checkpoint: Checkpoint,
    began: WallTime,
    recovered: WallTime?,
    ended: WallTime,
    failure: String,
    notes: String,
    steps: [Step],
    machines: [Machine],
    defaults: Defaults
  ) {
    self.identifier = identifier
    self.kind = kind
    self.vpg = vpg
    self.vpgName = vpgName
    self.protectedSiteName = protectedSiteName
    self.recoverySiteName = recoverySiteName
    self.user = user
    self.checkpoint = checkpoint
    self.began = began
    self.recovered = recovered
    self.ended = ended
    self.failure = failure
    self.notes = notes
    self.steps = steps
    self.machines = machines
    self.defaults = defaults
  }

  /// The time from the request until all VMs were running, in seconds.
  package var rtoInSeconds: Double? { recovered.map { $0.seconds(since: began) } }

  /// What was recovered for.
  ///
  /// Raw values are the API's names.
  package enum Kind: String, Codable, Sendable {
    case failover = "Failover"
    case failoverTest = "FailoverTest"
    case move = "Move"
  }

  /// Something a person, or a commit policy, wanted.
  package struct Request: Codable, Sendable, Equatable {
    package var description: String
    package var user: String
    package var time: WallTime

    package init(description: String, user: String, time: WallTime) {
      self.description = description
      self.user = user
      self.time = time
    }
  }

  /// One thing that was checked.
  package struct Verification: Codable, Sendable, Equatable {
    /// What was checked: a VM's name, or that of the VPG.
    package var subject: String
    /// How, and what was found.
    package var finding: String
    package var hasPassed: Bool
    package var time: WallTime

    package init(subject: String, finding: String, hasPassed: Bool, time: WallTime) {
      self.subject = subject
      self.finding = finding
      self.hasPassed = hasPassed
      self.time = time
    }
  }

  /// One thing that was done, and how it went.
  package struct Step: Codable, Sendable, Equatable {
    package var description: String
    package var began: WallTime
    package var ended: WallTime
    /// Why it failed; empty if it did not.
    package var failure: String

    package init(description: String, began: WallTime, ended: WallTime, failure: String) {
      self.description = description
      self.began = began
      self.ended = ended
      self.failure = failure
    }
  }

  /// A VM and where it was recovered, by name.
  package struct Machine: Codable, Sendable, Equatable {
    package var name: String
    package var hostName: String
    package var datastoreName: String
    package var folderName: String
    package var networkNames: [String]
    package var volumes: [Volume]

    package init(
      name: String,
      hostName: String,
      datastoreName: String,
      folderName: String,
      networkNames: [String],
      volumes: [Volume]
    ) {
      self.name = name
      self.hostName = hostName
      self.datastoreName = datastoreName
      self.folderName = folderName
      self.networkNames = networkNames
      self.volumes = volumes
    }
  }

  /// A disk and the datastore of its replica.
  package struct Volume: Codable, Sendable, Equatable {
    package var name: String
    package var datastoreName: String

    package init(name: String, datastoreName: String) {
      self.name = name
      self.datastoreName = datastoreName
    }
  }

  /// Where VMs were recovered that name no place of their own.
  package struct Defaults: Codable, Sendable, Equatable {
    package var hostName: String
    package var datastoreName: String
    package var networkName: String

    package init(hostName: String, datastoreName: String, networkName: String) {
      self.hostName = hostName
      self.datastoreName = datastoreName
      self.networkName = networkName
    }
  }
}
