// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

/// What a site tells beyond its VPGs: what it offers, what is stored where, and reports.
package protocol SiteReporting: Sendable {
  /// The manager's clock.
  func now() async -> WallTime

  // MARK: What it offers

  func licence() async throws(SiteError) -> LicenceView
  /// Keeps a licence key, or forgets it.
  func setLicence(_ key: String?, user: String) async throws(SiteError)
  /// Service profiles, by name.
  func serviceProfiles() async throws(SiteError) -> [ServiceProfile]
  /// Organisations, by name.
  func organisations() async throws(SiteError) -> [Organisation]

  // MARK: Storage

  /// Disks of protected VMs, replicas, journals and overlays at this site.
  func volumes() async throws(SiteError) -> [VolumeView]
  func datastores() async throws(SiteError) -> [DatastoreView]

  // MARK: Reports

  /// Totals of each protected VM's stream, as far as its sender answers.
  func statistics() async throws(SiteError) -> [VMStatistics]
  /// Samples this site has taken, as a recovery site.
  func resourceSamples(_ query: SampleQuery) async throws(SiteError) -> [ResourceSample]
  /// Recoveries this site has carried out that began within the bounds, newest first.
  func recoveryReports(
    from start: WallTime?,
    to end: WallTime?
  ) async throws(SiteError) -> [RecoveryReport]
  func recoveryReport(_ identifier: String) async throws(SiteError) -> RecoveryReport
}

/// The licence, and the VMs that are protected.
package struct LicenceView: Sendable, Equatable {
  package var licence: LicenceRecord?
  package var sites: [SiteUse]

  package init(licence: LicenceRecord?, sites: [SiteUse]) {
    self.licence = licence
    self.sites = sites
  }

  /// How many VMs are protected at a site.
  package struct SiteUse: Sendable, Equatable {
    package var identifier: SiteIdentifier
    package var name: String
    package var protectedVMs: Int

    package init(identifier: SiteIdentifier, name: String, protectedVMs: Int) {
      self.identifier = identifier
      self.name = name
      self.protectedVMs = protectedVMs
    }
  }
}

/// Something of a VPG that takes room at this site.
package struct VolumeView: Sendable, Equatable {
  package var kind: Kind
  package var identifier: String
  /// Empty if the manager does not know it.
  package var path: String
  package var usedByteCount: UInt64
  package var provisionedByteCount: UInt64
  /// nil if it is on none of the hypervisor's datastores.
  package var datastore: Inventory.Datastore?
  package var vpg: VPGIdentifier
  package var vpgName: String
  package var protectedVM: VMIdentifier
  package var protectedVMName: String
  /// The VM or appliance it belongs to now.
  package var owner: String
  package var ownerName: String

  package init(
    kind: Kind,
    identifier: String,
    path: String,
    usedByteCount: UInt64,
    provisionedByteCount: UInt64,
    datastore: Inventory.Datastore?,
    vpg: VPGIdentifier,
    vpgName: String,
    protectedVM: VMIdentifier,
    protectedVMName: String,
    owner: String,
    ownerName: String
  ) {
    self.kind = kind
    self.identifier = identifier
    self.path = path
    self.usedByteCount = usedByteCount
    self.provisionedByteCount = provisionedByteCount
    self.datastore = datastore
    self.vpg = vpg
    self.vpgName = vpgName
    self.protectedVM = protectedVM
    self.protectedVMName = protectedVMName
    self.owner = owner
    self.ownerName = ownerName
  }

  /// What it is.
  ///
  /// Raw values are the API's names.
  package enum Kind: String, Sendable, CaseIterable {
    case protected = "Protected"
    case recovery = "Recovery"
    case journal = "Journal"
    case scratch = "Scratch"
  }
}

/// A datastore and what Understudy has on it.
package struct DatastoreView: Sendable, Equatable {
  package var datastore: Inventory.Datastore
  package var volumes: [VolumeView]
  /// Appliances of the hosts that have the datastore.
  package var applianceCount: Int
  /// Whether its host answers, and can use it.
  package var isAvailable = true
  /// The alerts that are on about journals on it.
  package var alerts: [AlertRecord] = []

  package init(
    datastore: Inventory.Datastore,
    volumes: [VolumeView],
    applianceCount: Int
  ) {
    self.datastore = datastore
    self.volumes = volumes
    self.applianceCount = applianceCount
  }
}

/// Totals of a stream since its sender began.
package struct VMStatistics: Sendable, Equatable {
  package var vm: VMIdentifier
  package var vpg: VPGIdentifier
  package var writeCount: UInt64
  package var writtenByteCount: UInt64
  /// Read from the VM's disks by the latest sync.
  package var syncByteCount: UInt64
  package var sentByteCount: UInt64
  package var time: WallTime

  package init(
    vm: VMIdentifier,
    vpg: VPGIdentifier,
    writeCount: UInt64,
    writtenByteCount: UInt64,
    syncByteCount: UInt64,
    sentByteCount: UInt64,
    time: WallTime
  ) {
    self.vm = vm
    self.vpg = vpg
    self.writeCount = writeCount
    self.writtenByteCount = writtenByteCount
    self.syncByteCount = syncByteCount
    self.sentByteCount = sentByteCount
    self.time = time
  }
}
