// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

// Disks of temporary data: the receiver gets them once, and nothing of what is written later.
extension OutgoingStream {
  /// Whether the receiver has a first sync of all, and has not lost any of it.
  private var isReceiverWhole: Bool { isRemoteComplete && !hasReceiverLost }

  package var remoteCopy: RemoteCopy {
    guard isNumbered else { return .unknown }
    if !isReceiverWhole { return .partial }
    return mode == .ordered && missingUntil == nil ? .whole : .unknown
  }

  /// Whether nothing is wanted of a volume: neither its tap nor a place in a sync.
  ///
  /// One that is settled rests as long as the receiver has it. A receiver that begins anew needs it
  /// again, whoever knows that first.
  package func rests(_ volume: Int) -> Bool { volumes[volume].isSettled && isReceiverWhole }

  /// Says which volumes the receiver has for good.
  ///
  /// One that no longer is among them has missed writes: the stream needs a sync.
  package mutating func settle(_ settled: Set<Int>, now: WallTime) {
    for index in volumes.indices where volumes[index].isSettled != settled.contains(index) {
      if rests(index) {
        loseOrder("a disk is to be kept the same that was copied only once", now: now)
      }
      volumes[index].isSettled.toggle()
    }
  }
}
