// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

/// The site itself.
package struct LocalSiteView: Sendable, Equatable {
  package var identifier: SiteIdentifier
  package var name: String
  package var location: String
  package var contactName: String
  package var contactEmail: String
  package var contactPhone: String
  /// Dotted numbers.
  package var version: String
  package var address: String
  package var hypervisorVersion: String
  package var utcOffsetInMinutes: Int
  /// What the site's streams may take now, in bytes per second; nil if there is no limit.
  package var bandwidthLimit: UInt64?

  package init(
    identifier: SiteIdentifier,
    name: String,
    location: String,
    contactName: String,
    contactEmail: String,
    contactPhone: String,
    version: String,
    address: String,
    hypervisorVersion: String,
    utcOffsetInMinutes: Int,
    bandwidthLimit: UInt64? = nil
  ) {
    self.identifier = identifier
    self.name = name
    self.location = location
    self.contactName = contactName
    self.contactEmail = contactEmail
    self.contactPhone = contactPhone
    self.version = version
    self.address = address
    self.hypervisorVersion = hypervisorVersion
    self.utcOffsetInMinutes = utcOffsetInMinutes
    self.bandwidthLimit = bandwidthLimit
  }
}

/// A site this one is paired with.
package struct PeerSiteView: Sendable, Equatable {
  package var identifier: SiteIdentifier
  package var name: String
  package var location: String
  package var host: String
  package var port: Int
  package var version: String
  /// Whether its manager answered within the last seconds.
  package var isConnected: Bool
  package var provisionedStorageInMB: Int64
  package var usedStorageInMB: Int64
  package var incomingMBPerSecond: Double
  package var outgoingMBPerSecond: Double

  package init(
    identifier: SiteIdentifier,
    name: String,
    location: String,
    host: String,
    port: Int,
    version: String,
    isConnected: Bool,
    provisionedStorageInMB: Int64,
    usedStorageInMB: Int64,
    incomingMBPerSecond: Double,
    outgoingMBPerSecond: Double
  ) {
    self.identifier = identifier
    self.name = name
    self.location = location
    self.host = host
    self.port = port
    self.version = version
    self.isConnected = isConnected
    self.provisionedStorageInMB = provisionedStorageInMB
    self.usedStorageInMB = usedStorageInMB
    self.incomingMBPerSecond = incomingMBPerSecond
    self.outgoingMBPerSecond = outgoingMBPerSecond
  }
}

/// A token another site can pair with, once.
package struct PairingTokenView: Sendable, Equatable {
  package var token: String
  package var expires: WallTime

  package init(token: String, expires: WallTime) {
    self.token = token
    self.expires = expires
  }
}

/// An appliance of this site.
package struct ApplianceView: Sendable, Equatable {
  package var identifier: ApplianceIdentifier
  /// A number that stays the same for the appliance's life.
  package var number: Int64
  package var host: HostIdentifier
  package var hostName: String
  package var hostVersion: String
  package var address: String
  package var version: String
  package var isRunning: Bool
  package var memoryInGB: Int
  package var cpuCount: Int
  package var protected: Counters
  package var recovery: Counters
  package var group = SiteSettings.Appliance.usualGroup
  /// Of the VPGs it sends, those that stay at the site.
  package var selfProtectedVPGs = 0
  /// The worst alert about it and the journals it keeps; nil without one.
  package var alertLevel: AlertLevel?

  package init(
    identifier: ApplianceIdentifier,
    number: Int64,
    host: HostIdentifier,
    hostName: String,
    hostVersion: String,
    address: String,
    version: String,
    isRunning: Bool,
    memoryInGB: Int,
    cpuCount: Int,
    protected: Counters,
    recovery: Counters
  ) {
    self.identifier = identifier
    self.number = number
    self.host = host
    self.hostName = hostName
    self.hostVersion = hostVersion
    self.address = address
    self.version = version
    self.isRunning = isRunning
    self.memoryInGB = memoryInGB
    self.cpuCount = cpuCount
    self.protected = protected
    self.recovery = recovery
  }

  /// How much an appliance works on.
  package struct Counters: Sendable, Equatable {
    package var vpgs: Int
    package var vms: Int
    package var volumes: Int

    package init(vpgs: Int = 0, vms: Int = 0, volumes: Int = 0) {
      self.vpgs = vpgs
      self.vms = vms
      self.volumes = volumes
    }
  }
}

/// A VPG with everything both sites know about it.
package struct VPGView: Sendable, Equatable {
  package var definition: VPGDefinition
  package var protectedSiteName: String
  package var recoverySiteName: String
  package var status: VPGStatus
  package var substatus: VPGSubstatus
  /// 0...100 of the sync that runs; 0 without one.
  package var progress: Double
  /// Age of the oldest write that is not safe at the recovery site, in whole seconds, rounded up;
  /// -1 if the protected site does not say.
  package var actualRPOInSeconds: Int
  package var writesPerSecond: Double
  package var throughputInMBPerSecond: Double
  package var provisionedStorageInMB: Int64
  package var usedStorageInMB: Int64
  package var actualHistoryInMinutes: Int
  package var earliestCheckpoint: Checkpoint?
  package var latestCheckpoint: Checkpoint?
  package var lastTest: WallTime?
  /// The stage of a running failover test; nil without one.
  package var testStage: String?
  package var isPaused: Bool
  /// The worst alert that affects it; nil without one.
  package var alertLevel: AlertLevel?
  /// Empty without a service profile.
  package var serviceProfileName = ""
  /// Empty without an organisation.
  package var organisationName = ""
  /// How both of its sites act for it; nil if they do not.
  package var splitBrain: SplitBrain?

  package init(
    definition: VPGDefinition,
    protectedSiteName: String,
    recoverySiteName: String,
    status: VPGStatus,
    substatus: VPGSubstatus,
    progress: Double,
    actualRPOInSeconds: Int,
    writesPerSecond: Double,
    throughputInMBPerSecond: Double,
    provisionedStorageInMB: Int64,
    usedStorageInMB: Int64,
    actualHistoryInMinutes: Int,
    earliestCheckpoint: Checkpoint?,
    latestCheckpoint: Checkpoint?,
    lastTest: WallTime?,
    testStage: String?,
    isPaused: Bool
  ) {
    self.definition = definition
    self.protectedSiteName = protectedSiteName
    self.recoverySiteName = recoverySiteName
    self.status = status
    self.substatus = substatus
    self.progress = progress
    self.actualRPOInSeconds = actualRPOInSeconds
    self.writesPerSecond = writesPerSecond
    self.throughputInMBPerSecond = throughputInMBPerSecond
    self.provisionedStorageInMB = provisionedStorageInMB
    self.usedStorageInMB = usedStorageInMB
    self.actualHistoryInMinutes = actualHistoryInMinutes
    self.earliestCheckpoint = earliestCheckpoint
    self.latestCheckpoint = latestCheckpoint
    self.lastTest = lastTest
    self.testStage = testStage
    self.isPaused = isPaused
  }
}

/// A VM in a VPG.
package struct ProtectedVMView: Sendable, Equatable {
  package var vm: VPGDefinition.ProtectedVM
  package var vpg: VPGView
  /// The VM as the protected site's hypervisor has it; nil if the site does not answer or the VM
  /// is gone.
  package var virtualMachine: VirtualMachine?
  package var hostName: String
  package var datastoreName: String
  package var recoveryHostName: String
  package var journalUsedInMB: Int64
  package var actualRPOInSeconds: Int
  package var writesPerSecond: Double
  package var throughputInMBPerSecond: Double
  package var outgoingMbitPerSecond: Double

  package init(
    vm: VPGDefinition.ProtectedVM,
    vpg: VPGView,
    virtualMachine: VirtualMachine?,
    hostName: String,
    datastoreName: String,
    recoveryHostName: String,
    journalUsedInMB: Int64,
    actualRPOInSeconds: Int,
    writesPerSecond: Double,
    throughputInMBPerSecond: Double,
    outgoingMbitPerSecond: Double
  ) {
    self.vm = vm
    self.vpg = vpg
    self.virtualMachine = virtualMachine
    self.hostName = hostName
    self.datastoreName = datastoreName
    self.recoveryHostName = recoveryHostName
    self.journalUsedInMB = journalUsedInMB
    self.actualRPOInSeconds = actualRPOInSeconds
    self.writesPerSecond = writesPerSecond
    self.throughputInMBPerSecond = throughputInMBPerSecond
    self.outgoingMbitPerSecond = outgoingMbitPerSecond
  }
}
