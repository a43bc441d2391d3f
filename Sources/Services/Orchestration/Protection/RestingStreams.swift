// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Hypervisor
package import RecoveryModel
internal import Store

extension SiteContext {
  /// The latest status of the stream that this site sends of a VM.
  ///
  /// A VM that is off writes nothing: what its taps brought until they were closed is all there is,
  /// so its stream stays in order and its RPO does not age. Only the hypervisor knows that it is
  /// off; if it does not answer the stream counts as out of order.
  package func stream(of vm: VPGDefinition.ProtectedVM) async -> StreamStatus? {
    guard let status = await appliances.stream(vm.stream) else { return nil }
    return await isResting(vm, status) ? status.atRest : status
  }

  /// The streams of these VPGs, sent by this site, whose VMs are off as far as is known; see
  /// ``stream(of:)``.
  func resting(
    of records: [VPGRecord],
    in appliances: ApplianceSightings
  ) async -> Set<StreamIdentifier> {
    let powers = await powers.all()
    let resting = restingCandidates(of: records, in: appliances).filter {
      powers[$0.identifier] == false
    }
    return Set(resting.map(\.stream))
  }

  /// The VMs that may be off: those whose taps were closed in order.
  ///
  /// They are few.
  func restingCandidates(
    of records: [VPGRecord],
    in appliances: ApplianceSightings
  ) -> [VPGDefinition.ProtectedVM] {
    guard !appliances.isEmpty else { return [] }
    return records.filter { $0.definition.protectedSite == site }.flatMap(\.definition.vms).filter {
      appliances.stream($0.stream)?.restingRPOInMilliseconds != nil
    }
  }

  private func isResting(
    _ vm: VPGDefinition.ProtectedVM,
    _ status: StreamStatus
  ) async -> Bool {
    guard status.restingRPOInMilliseconds != nil,
      let found = try? await hypervisor.virtualMachine(vm.identifier)
    else { return false }
    return found.power == .off
  }
}

extension StreamStatus {
  /// The same of a stream whose VM is off.
  var atRest: StreamStatus {
    guard let resting = restingRPOInMilliseconds else { return self }
    var status = self
    status.sync = .ordered
    status.needsSync = false
    status.rpoInMilliseconds = resting
    return status
  }
}
