// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
package import RecoveryModel
internal import Store

/// Which disks' taps are to be suspended: of a VM, of one disk of it, or of all protected VMs of a
/// host.
package struct TapTarget: Sendable, Equatable {
  package var vm: VMIdentifier?
  package var host: HostIdentifier?
  /// A disk of the VM, by its name on the guest's bus, such as `vda`, or its identifier.
  package var disk: String?

  package init(vm: VMIdentifier? = nil, host: HostIdentifier? = nil, disk: String? = nil) {
    self.vm = vm
    self.host = host
    self.disk = disk
  }
}

/// A suspension that lasts, as people see it.
package struct TapSuspensionView: Sendable, Equatable {
  package var vpg: VPGIdentifier
  package var vmName: String
  package var suspension: TapSuspension
  /// Whether the disks are free by now.
  package var isFree: Bool

  package init(vpg: VPGIdentifier, vmName: String, suspension: TapSuspension, isFree: Bool) {
    self.vpg = vpg
    self.vmName = vmName
    self.suspension = suspension
    self.isFree = isFree
  }
}

/// Suspending and resuming taps, for other tools that need the disks.
///
/// A suspension is in the store, so that it ends on time also if the manager is started again.
struct TapSuspensions: Sendable {
  private static let freeLimit = Duration.seconds(20)

  let context: SiteContext
  let keeper: ProtectionKeeper

  func all() async -> [TapSuspensionView] {
    let now = context.now()
    var views: [TapSuspensionView] = []
    for record in await context.vpgs.all() {
      for suspension in record.suspensions where now < suspension.until {
        guard let vm = record.definition.vms.first(where: { $0.identifier == suspension.vm })
        else { continue }
        let volumes = vm.volumes.map(\.identifier)
          .filter { suspension.volume == nil || suspension.volume == $0 }
        views.append(
          TapSuspensionView(
            vpg: record.definition.identifier,
            vmName: vm.name,
            suspension: suspension,
            isFree: await keeper.areFree(volumes, of: vm.stream)
          )
        )
      }
    }
    return views
  }

  /// Suspends taps and waits until the disks are free.
  ///
  /// One that is suspended already gets the new end.
  func suspend(_ target: TapTarget, minutes: Int, user: String) async throws(SiteError) {
    let limit = await context.tweaks.tweaks.value(of: .tapSuspensionLimit)
    guard (1...limit).contains(minutes) else {
      throw .invalid("A tap can be suspended for 1 to \(limit) minutes.")
    }
    let found = try await find(target)
    let until = WallTime(milliseconds: context.now().milliseconds + Int64(minutes) * 60_000)
    for (vpg, vm, volume) in found {
      let new = TapSuspension(vm: vm.identifier, volume: volume, until: until)
      try await context.vpgs.update(vpg) { record in
        record.suspensions.removeAll {
          $0.vm == new.vm && $0.volume == new.volume && $0.restore == nil
        }
        record.suspensions.append(new)
      }
      await context.events.record(
        .pauseVPG,
        "The tap of \(Self.words(vm, volume)) is suspended for \(minutes) minutes.",
        user: user,
        vpgs: [vpg]
      )
    }
    await keeper.nudge()
    try await waitUntilFree(found.map { ($0.1.identifier, $0.2) })
  }

  /// Ends suspensions before their time.
  func resume(_ target: TapTarget, user: String) async throws(SiteError) {
    for (vpg, vm, volume) in try await find(target) {
      try await context.vpgs.update(vpg) { record in
        // Who resumes a VM means all of it.
        record.suspensions.removeAll {
          $0.vm == vm.identifier && (volume == nil || $0.volume == volume) && $0.restore == nil
        }
      }
      await context.events.record(
        .resumeVPG,
        "The tap of \(Self.words(vm, volume)) is no longer suspended.",
        user: user,
        vpgs: [vpg]
      )
    }
    await keeper.nudge()
  }

  private static func words(
    _ vm: VPGDefinition.ProtectedVM,
    _ volume: VolumeIdentifier?
  ) -> String {
    guard let volume else { return "the VM \(vm.name)" }
    let target = vm.volumes.first { $0.identifier == volume }?.target ?? volume.rawValue
    return "the disk \(target) of the VM \(vm.name)"
  }

  /// Waits for these alone: others may be on a host that is away.
  private func waitUntilFree(_ asked: [(VMIdentifier, VolumeIdentifier?)]) async throws(SiteError) {
    let deadline = ContinuousClock.now + Self.freeLimit
    while await all().contains(where: { view in
      !view.isFree && asked.contains { $0 == (view.suspension.vm, view.suspension.volume) }
    }) {
      guard ContinuousClock.now < deadline else {
        throw .unreachable("The suspension is noted, but the hypervisor does not free the disks.")
      }
      do { try await Task.sleep(for: .milliseconds(100)) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  /// The VMs, and the one disk if one is named, that a target means.
  private func find(
    _ target: TapTarget
  ) async throws(SiteError) -> [(VPGIdentifier, VPGDefinition.ProtectedVM, VolumeIdentifier?)] {
    guard (target.vm == nil) != (target.host == nil) else {
      throw .invalid("Either a VM or a host is to be named.")
    }
    var found: [(VPGIdentifier, VPGDefinition.ProtectedVM, VolumeIdentifier?)] = []
    for record in await context.vpgs.all() where record.definition.protectedSite == context.site {
      for vm in record.definition.vms where try await isMeant(vm, target) {
        guard let disk = target.disk else {
          found.append((record.definition.identifier, vm, nil))
          continue
        }
        guard
          let volume = vm.volumes.first(where: {
            $0.target == disk || $0.identifier.rawValue == disk
          })
        else { throw .notFound("The VM \(vm.name) has no protected disk \(disk).") }
        found.append((record.definition.identifier, vm, volume.identifier))
      }
    }
    guard !found.isEmpty else {
      throw .notFound("This site protects no such VM, and none on such a host.")
    }
    return found
  }

  private func isMeant(
    _ vm: VPGDefinition.ProtectedVM,
    _ target: TapTarget
  ) async throws(SiteError) -> Bool {
    if let wanted = target.vm { return vm.identifier == wanted }
    do {
      return try await context.hypervisor.virtualMachine(vm.identifier)?.host == target.host
    } catch { throw SiteError(error) }
  }
}
