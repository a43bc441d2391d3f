// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

// Disks that come, grow, go, and rest.
extension StreamKeeper {
  /// Notes which disks of temporary data the recovery site has for good.
  ///
  /// - Returns: Whether the assignment is out of date.
  func settle(
    _ assignment: Assignment,
    _ request: ProtectRequest?,
    _ status: ApplianceStatus?
  ) async throws(SiteError) -> Bool {
    let vm = assignment.vm
    guard assignment.wish == .protect, !(assignment.settled.isEmpty && vm.temporaryDisks.isEmpty)
    else { return false }
    // What a stream says that was told something else is not of these disks.
    let isTold = given.map { $0.request == request && $0.incarnation == status?.incarnation }
    let seen = isTold == true ? status?.streams.first { $0.stream == stream } : nil
    let settled = vm.settled(after: assignment.settled, with: seen?.remoteCopy)
    guard settled != assignment.settled else { return false }
    let vpg = assignment.definition.identifier
    try await context.vpgs.update(vpg) { record in
      record.settled = record.settled.filter { $0.stream != stream }.union(settled)
    }
    let changed = vm.volumes.filter {
      settled.symmetricDifference(assignment.settled).contains(SettledDisk($0, of: stream))
    }
    for volume in changed {
      let isSettled = settled.contains(SettledDisk(volume, of: stream))
      await context.events.record(
        .updateVPG,
        "The disk \(volume.target) of the VM \(vm.name) "
          + (isSettled
            ? "holds temporary data: the recovery site has it now, and nothing more of it is sent."
            : "is to be synced again."),
        vpgs: [vpg]
      )
    }
    await keeper.note(stream, settled: settled)
    return true
  }

  /// Has the VPG follow a VM whose disks are not what is protected.
  ///
  /// Only while the VM runs: a stream that is made anew needs a sync, and there is nothing to sync
  /// with while it is off.
  ///
  /// - Returns: Whether the assignment is out of date.
  mutating func follow(_ vm: VirtualMachine?, _ assignment: Assignment) async -> Bool {
    let disks = assignment.wish == .protect ? vm?.disks : nil
    let differences = disks.map { assignment.vm.differences(from: $0) } ?? []
    await keeper.note(stream, differences: differences)
    let vpg = assignment.definition.identifier
    guard !differences.isEmpty, let vm, vm.power != .off, ContinuousClock.now >= nextFollowing,
      await keeper.beginFollowing(vpg)
    else { return false }
    var isDone = false
    do throws(SiteError) {
      // First of all: somebody may be waiting for a disk that was taken away.
      do { try await context.hypervisor.endTapsOfGoneDisks(of: vm.identifier) } catch {
        throw SiteError(error)
      }
      try await ProtectedHalf(context: context, keeper: keeper).follow(vpg)
      isDone = true
    } catch {
      // What was protected before stays so.
      nextFollowing = .now + Self.longestPause
      context.logger.warning(
        "VPG does not follow its VM",
        metadata: ["vm": "\(vm.name)", "reason": "\(error.message)"]
      )
    }
    await keeper.endFollowing(vpg)
    return isDone
  }
}
