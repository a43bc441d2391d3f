// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Hypervisor
package import RecoveryModel

extension SiteContext {
  /// The latest status of the stream that this site sends of a VM.
  ///
  /// A VM that is off writes nothing: what its taps brought until they were closed is all there is,
  /// so its stream stays in order and its RPO does not age. Only the hypervisor knows that it is
  /// off; if it does not answer the stream counts as out of order.
  package func stream(of vm: VPGDefinition.ProtectedVM) async -> StreamStatus? {
    guard var status = await appliances.stream(vm.stream) else { return nil }
    guard let resting = status.restingRPOInMilliseconds,
      let found = try? await hypervisor.virtualMachine(vm.identifier), found.power == .off
    else { return status }
    status.sync = .ordered
    status.needsSync = false
    status.rpoInMilliseconds = resting
    return status
  }
}
