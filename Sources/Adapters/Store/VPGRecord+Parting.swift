// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

extension VPGRecord {
  /// The record once VMs of the VPG went into VPGs of their own, and the records of those.
  ///
  /// What is known of a VM goes along with it.
  package func parted(_ kept: VPGDefinition, _ left: [VPGDefinition]) -> [VPGRecord] {
    var own = self
    own.definition = kept
    own.keepWhatIsOfItsVMs()
    return [own]
      + left.map { definition in
        var new = VPGRecord(
          definition: definition,
          isPaused: isPaused,
          lastTest: lastTest,
          phase: phase,
          shutDown: shutDown
        )
        (new.suspensions, new.settled) = (suspensions, settled)
        new.keepWhatIsOfItsVMs()
        return new
      }
  }

  private mutating func keepWhatIsOfItsVMs() {
    let vms = Set(definition.vms.map(\.identifier))
    shutDown = shutDown.filter(vms.contains)
    suspensions = suspensions.filter { vms.contains($0.vm) }
    let streams = definition.streams
    settled = settled.filter { streams.contains($0.stream) }
  }
}
