// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The state of a VPG, judged from what both of its sites say.
///
/// It claims nothing that was not seen: what is unknown does not meet the SLA.
package struct VPGAssessment: Sendable, Equatable {
  package var status: VPGStatus
  package var substatus: VPGSubstatus
  /// 0...100 of the sync that runs; 0 without one.
  package var progress: Double
  /// Age of the oldest write that is not safe at the recovery site, in whole seconds, rounded up;
  /// -1 while there is nothing to recover to.
  package var rpoInSeconds: Int
}

extension VPGAssessment {
  /// Where the VPG is in its life.
  package enum Phase: Sendable, Equatable {
    case creating
    case protecting
    case failingOver
    case handingOver
    case recovered
    case deleting
  }

  /// What is known.
  package struct Facts: Sendable, Equatable {
    package var phase = Phase.protecting
    package var isPaused = false
    /// Whether a tap is suspended for another tool.
    package var isSuspended = false
    /// Whether the other site's manager answers.
    package var isPeerConnected = true
    package var rpoTargetInSeconds = 300
    /// One per VM; nil if nobody says how its stream is.
    package var streams: [Stream?] = []
    /// Why a VM cannot be protected or a journal not be written; empty if none.
    package var hasVMFault = false
    /// Whether a VM has other disks than are protected.
    package var needsConfiguration = false
    package var hasJournalFault = false
    /// Whether a journal goes less far back than wanted, for want of room.
    package var isHistoryShort = false
    package var latestCheckpoint: WallTime?
    package var now = WallTime(milliseconds: 0)

    package init() {}
  }

  /// What the protected site says of one stream.
  package struct Stream: Sendable, Equatable {
    package var sync: SyncState
    package var needsSync: Bool
    package var progress: Double
    package var isConnected: Bool
    package var rpoInMilliseconds: Int64

    package init(
      sync: SyncState,
      needsSync: Bool,
      progress: Double,
      isConnected: Bool,
      rpoInMilliseconds: Int64
    ) {
      self.sync = sync
      self.needsSync = needsSync
      self.progress = progress
      self.isConnected = isConnected
      self.rpoInMilliseconds = rpoInMilliseconds
    }

    /// Whether its writes are at the recovery site in the guest's order, but for the last moments.
    var isOrdered: Bool { sync == .ordered && !needsSync && isConnected }

    var isSyncing: Bool {
      !needsSync && [.initialSync, .deltaSync, .bitmapSync].contains(sync)
    }
  }

  package init(_ facts: Facts) {
    let rpo = Self.rpo(facts)
    rpoInSeconds = rpo
    let syncing = facts.streams.compactMap(\.self).filter(\.isSyncing)
    progress =
      syncing.isEmpty
      ? 0 : 100 * syncing.map { min(max($0.progress, 0), 1) }.reduce(0, +) / Double(syncing.count)
    (status, substatus) = Self.judge(facts, rpo: rpo)
  }

  private static func judge(_ facts: Facts, rpo: Int) -> (VPGStatus, VPGSubstatus) {
    switch facts.phase {
    case .creating: return (.initializing, .creating)
    case .deleting: return (.deleting, .deleting)
    case .recovered: return (.recovered, .none)
    case .failingOver: return (.failingOver, .none)
    case .handingOver: return (.moving, .none)
    case .protecting: break
    }
    let canRecover = facts.latestCheckpoint != nil
    let bad: VPGStatus = canRecover ? .notMeetingSLA : .initializing
    let streams = facts.streams.compactMap(\.self)
    if facts.streams.isEmpty { return (.initializing, .emptyProtectionGroup) }
    if !facts.isPeerConnected {
      return (
        .notMeetingSLA, canRecover ? .disconnectedFromPeer : .disconnectedFromPeerNoRecoveryPoints
      )
    }
    if facts.isPaused { return (bad, .replicationPausedByUser) }
    if facts.hasJournalFault { return (.notMeetingSLA, .journalStorageError) }
    if facts.hasVMFault { return (.notMeetingSLA, .vmNotProtectedError) }
    if facts.isSuspended { return (bad, .replicationPausedBySystem) }
    if streams.count < facts.streams.count || streams.contains(where: { !$0.isConnected }) {
      return (bad, .replicationPausedBySystem)
    }
    if let sync = worstSync(streams, canRecover: canRecover) {
      let late = rpo > facts.rpoTargetInSeconds
      let ok: VPGStatus = late ? .notMeetingSLA : .meetingSLA
      return (canRecover && sync != .initialSync ? ok : .initializing, sync)
    }
    if !canRecover { return (.initializing, .initialSync) }
    if facts.needsConfiguration { return (.notMeetingSLA, .needsConfiguration) }
    switch (rpo > facts.rpoTargetInSeconds, facts.isHistoryShort) {
    case (true, true): return (.notMeetingSLA, .none)
    case (true, false): return (.rpoNotMeetingSLA, .none)
    case (false, true): return (.historyNotMeetingSLA, .none)
    case (false, false): return (.meetingSLA, .none)
    }
  }

  /// The sync that keeps the VPG from making checkpoints; nil if none does.
  private static func worstSync(_ streams: [Stream], canRecover: Bool) -> VPGSubstatus? {
    if streams.contains(where: { $0.isSyncing && $0.sync == .initialSync }) { return .initialSync }
    if streams.contains(where: \.needsSync) { return canRecover ? .sync : .initialSync }
    if streams.contains(where: { $0.sync == .deltaSync }) { return .deltaSync }
    if streams.contains(where: { $0.sync == .bitmapSync }) { return .bitmapSync }
    return nil
  }

  /// While every stream is ordered, the appliances measure it.
  ///
  /// Otherwise the latest checkpoint is all there is to go back to, and it ages.
  private static func rpo(_ facts: Facts) -> Int {
    guard let latest = facts.latestCheckpoint else { return -1 }
    let streams = facts.streams.compactMap(\.self)
    let isMeasured =
      facts.isPeerConnected && facts.phase == .protecting && !facts.isPaused
      && streams.count == facts.streams.count && streams.allSatisfy(\.isOrdered)
    let milliseconds =
      isMeasured
      ? streams.map(\.rpoInMilliseconds).max() ?? 0
      : facts.now.milliseconds(since: latest)
    let (seconds, rest) = max(milliseconds, 0).quotientAndRemainder(dividingBy: 1000)
    return Int(seconds) + (rest > 0 ? 1 : 0)
  }
}
