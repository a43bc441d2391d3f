// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Logging
internal import RecoveryModel

// Disks that come, grow and go.
extension StreamKeeper {
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
