// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
package import RecoveryModel
internal import Store

/// What would be lost of a VPG if its protected site were gone this moment.
package struct VPGExposure: Sendable, Equatable {
  /// Writes that are not durable at the recovery site.
  package struct Loss: Sendable, Equatable {
    package var writeCount: UInt64
    package var byteCount: UInt64
    /// Age of the oldest of them; 0 if there is none.
    package var oldestInMilliseconds: Int64

    package init(writeCount: UInt64, byteCount: UInt64, oldestInMilliseconds: Int64) {
      self.writeCount = writeCount
      self.byteCount = byteCount
      self.oldestInMilliseconds = oldestInMilliseconds
    }
  }

  /// One VM's part.
  package struct VM: Sendable, Equatable {
    package var identifier: VMIdentifier
    package var name: String
    /// Nil if it cannot be said: its site does not answer, or a sync has the writes out of order.
    ///
    /// Then it is what was written since the latest checkpoint.
    package var loss: Loss?

    package init(identifier: VMIdentifier, name: String, loss: Loss?) {
      self.identifier = identifier
      self.name = name
      self.loss = loss
    }
  }

  package var vpg: VPGIdentifier
  package var name: String
  package var vms: [VM]
  /// The newest checkpoint that all VMs can be recovered to; nil if there is none yet.
  package var latestCheckpoint: Checkpoint?

  package init(
    vpg: VPGIdentifier,
    name: String,
    vms: [VM],
    latestCheckpoint: Checkpoint?
  ) {
    self.vpg = vpg
    self.name = name
    self.vms = vms
    self.latestCheckpoint = latestCheckpoint
  }

  /// The VMs' losses together; nil if one cannot be said.
  package var loss: Loss? {
    var sum = Loss(writeCount: 0, byteCount: 0, oldestInMilliseconds: 0)
    for vm in vms {
      guard let loss = vm.loss else { return nil }
      sum.writeCount += loss.writeCount
      sum.byteCount += loss.byteCount
      sum.oldestInMilliseconds = max(sum.oldestInMilliseconds, loss.oldestInMilliseconds)
    }
    return sum
  }
}

extension VPGExposure.Loss {
  /// What a stream holds that was not acknowledged; nil while it is not in order.
  init?(_ stream: StreamStatus) {
    guard stream.sync == .ordered, !stream.needsSync else { return nil }
    let last = max(stream.lastSequence, stream.acknowledgedSequence)
    self.init(
      writeCount: last - stream.acknowledgedSequence,
      byteCount: stream.bufferedByteCount,
      oldestInMilliseconds: max(stream.rpoInMilliseconds, 0)
    )
  }
}

extension Site {
  package func exposure(of vpg: VPGIdentifier) async throws(SiteError) -> VPGExposure {
    let record = try await record(vpg)
    let judge = await witnesses.judge(of: record)
    var vms: [VPGExposure.VM] = []
    for vm in record.definition.vms {
      let stream = judge.stream(vm.stream, of: record)
      vms.append(
        VPGExposure.VM(
          identifier: vm.identifier,
          name: vm.name,
          loss: stream.flatMap(VPGExposure.Loss.init)
        )
      )
    }
    return VPGExposure(
      vpg: vpg,
      name: record.definition.name,
      vms: vms,
      latestCheckpoint: judge.view(record).latestCheckpoint
    )
  }
}
