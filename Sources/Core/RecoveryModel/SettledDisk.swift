// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A disk of temporary data whose one sync is durable at the recovery site.
///
/// Whatever makes it another disk there makes it another one here: a new stream, a new number, a
/// new size.
package struct SettledDisk: Hashable, Codable, Sendable {
  package var stream: StreamIdentifier
  /// By which the stream names the disk.
  package var number: Int
  package var byteCount: UInt64

  package init(_ volume: VPGDefinition.ProtectedVolume, of stream: StreamIdentifier) {
    self.stream = stream
    number = volume.number
    byteCount = volume.byteCount
  }
}

extension VPGDefinition.ProtectedVM {
  /// The disks of temporary data, as they would be settled.
  package var temporaryDisks: Set<SettledDisk> {
    Set(volumes.filter { $0.isSwap == true }.map { SettledDisk($0, of: stream) })
  }

  /// The disks of temporary data that nothing is sent of any more.
  package func resting(in settled: Set<SettledDisk>) -> [VPGDefinition.ProtectedVolume] {
    volumes.filter { $0.isSwap == true && settled.contains(SettledDisk($0, of: stream)) }
  }

  /// What is settled of the VM's disks from now on.
  ///
  /// - Parameters:
  ///   - settled: What was settled of them.
  ///   - copy: What the recovery site has of the VM's disks, those that are not settled included;
  ///     nil if nobody can say.
  /// - Returns: Those of them that rest.
  package func settled(after settled: Set<SettledDisk>, with copy: RemoteCopy?) -> Set<SettledDisk>
  {
    switch copy {
    // Begun anew there: all that it had is gone.
    case .partial: []
    case .whole: temporaryDisks
    case .unknown, nil: settled.intersection(temporaryDisks)
    }
  }
}
