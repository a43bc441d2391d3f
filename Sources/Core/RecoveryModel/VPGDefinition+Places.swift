// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension VPGDefinition {
  /// The recovery site's host for one of the VMs.
  package func recoveryHost(of vm: ProtectedVM) -> HostIdentifier? { vm.host ?? recovery.host }

  /// The recovery site's resource pool for one of the VMs; nil is the root.
  package func resourcePool(of vm: ProtectedVM) -> ResourcePoolIdentifier? {
    vm.resourcePool ?? recovery.resourcePool
  }

  /// The recovery site's datastore for one of the disks.
  package func recoveryDatastore(
    of volume: ProtectedVolume,
    in vm: ProtectedVM
  ) -> DatastoreIdentifier? {
    volume.datastore ?? vm.datastore ?? recovery.datastore
  }

  /// The limits of one VM's journal: its own, and the VPG's where it has none.
  package func journalLimits(of vm: ProtectedVM) -> StorageLimits {
    Self.limits(vm.journal, else: journal)
  }

  /// The limits of what one VM writes in a test or a failover, in the same way.
  package func scratchLimits(of vm: ProtectedVM) -> StorageLimits {
    Self.limits(vm.scratch, else: scratch)
  }

  private static func limits(_ own: StorageLimits?, else usual: StorageLimits) -> StorageLimits {
    guard var limits = own else { return usual }
    if limits.hardLimitInMB == nil && limits.hardLimitInPercent == nil {
      limits.hardLimitInMB = usual.hardLimitInMB
      limits.hardLimitInPercent = usual.hardLimitInPercent
    }
    if limits.warningThresholdInMB == nil && limits.warningThresholdInPercent == nil {
      limits.warningThresholdInMB = usual.warningThresholdInMB
      limits.warningThresholdInPercent = usual.warningThresholdInPercent
    }
    limits.datastore = limits.datastore ?? usual.datastore
    return limits
  }

  /// Whether journals and replicas of the VMs it shares with another definition are where they are
  /// with that one.
  package func hasPlaces(of old: VPGDefinition) -> Bool {
    vms.allSatisfy { vm in
      guard let before = old.vms.first(where: { $0.stream == vm.stream }) else { return true }
      return journalLimits(of: vm).datastore == old.journalLimits(of: before).datastore
        && (vm.volumes + vm.formerVolumes).allSatisfy { volume in
          let same = (before.volumes + before.formerVolumes)
            .first { $0.number == volume.number }
          return same.map {
            recoveryDatastore(of: volume, in: vm) == old.recoveryDatastore(of: $0, in: before)
          } ?? true
        }
    }
  }

  /// Whether the VMs are recovered at the site they are protected at: the site is its own peer, and
  /// one record of the VPG is there for both of its halves.
  package var isWithinOneSite: Bool { protectedSite == recoverySite }

  /// The site at the other end.
  package func peer(of site: SiteIdentifier) -> SiteIdentifier {
    site == protectedSite ? recoverySite : protectedSite
  }
}

extension VPGDefinition.ProtectedVM {
  /// The folder of the VM's replicas, by its name; it cannot lead out of the folder it is in.
  package var folderName: String {
    let plain = (replicaFolder ?? name).replacing("/", with: "_")
    return plain.hasPrefix(".") ? "_\(plain)" : plain
  }
}
