// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct VPGAssessmentTests {
  static let ordered = VPGAssessment.Stream(
    sync: .ordered,
    needsSync: false,
    progress: 0,
    isConnected: true,
    rpoInMilliseconds: 1200
  )

  /// A VPG all is well with; its latest checkpoint is ten seconds old.
  static var well: VPGAssessment.Facts {
    var facts = VPGAssessment.Facts()
    facts.streams = [ordered, ordered]
    facts.now = WallTime(milliseconds: 1_000_000)
    facts.latestCheckpoint = WallTime(milliseconds: 990_000)
    return facts
  }

  static func with(_ change: (inout VPGAssessment.Facts) -> Void) -> VPGAssessment {
    var facts = well
    change(&facts)
    return VPGAssessment(facts)
  }

  @Test func `a VPG in order meets its SLA, its RPO is the worst stream's, rounded up`() {
    let assessment = Self.with { $0.streams[1]?.rpoInMilliseconds = 3001 }
    #expect(assessment.status == .meetingSLA)
    #expect(assessment.substatus == .none)
    #expect(assessment.rpoInSeconds == 4)
  }

  @Test func `an RPO above the target is said`() {
    let assessment = Self.with { $0.streams[0]?.rpoInMilliseconds = 300_001 }
    #expect(assessment.status == .rpoNotMeetingSLA)
  }

  @Test func `a history that is shorter than wanted is said, also beside an RPO`() {
    let short = Self.with { $0.isHistoryShort = true }
    #expect(short.status == .historyNotMeetingSLA)
    #expect(short.substatus == .none)
    let both = Self.with {
      $0.isHistoryShort = true
      $0.streams[0]?.rpoInMilliseconds = 300_001
    }
    #expect(both.status == .notMeetingSLA)
  }

  @Test func `during the first sync there is nothing to recover to`() {
    let assessment = Self.with {
      $0.streams = [Self.ordered, Self.ordered]
      $0.streams[0]?.sync = .initialSync
      $0.streams[0]?.progress = 0.25
      $0.latestCheckpoint = nil
    }
    #expect(assessment.status == .initializing)
    #expect(assessment.substatus == .initialSync)
    #expect(assessment.progress == 25)
    #expect(assessment.rpoInSeconds == -1)
  }

  @Test func `during a delta sync the RPO is the age of the latest checkpoint`() {
    let early = Self.with { $0.streams[0]?.sync = .deltaSync }
    #expect(early.status == .meetingSLA)
    #expect(early.substatus == .deltaSync)
    #expect(early.rpoInSeconds == 10)
    let late = Self.with {
      $0.streams[0]?.sync = .deltaSync
      $0.now = WallTime(milliseconds: 2_000_000)
    }
    #expect(late.status == .notMeetingSLA)
  }

  @Test(arguments: [
    (VPGAssessment.Phase.creating, VPGStatus.initializing, VPGSubstatus.creating),
    (.deleting, .deleting, .deleting), (.recovered, .recovered, .none),
    (.failingOver, .failingOver, .none),
  ])
  func `a phase of its life overrides the rest`(
    phase: VPGAssessment.Phase,
    status: VPGStatus,
    substatus: VPGSubstatus
  ) {
    let assessment = Self.with { $0.phase = phase }
    #expect(assessment.status == status)
    #expect(assessment.substatus == substatus)
  }

  @Test func `a peer that does not answer is said, with or without points to recover to`() {
    #expect(Self.with { $0.isPeerConnected = false }.substatus == .disconnectedFromPeer)
    let without = Self.with {
      $0.isPeerConnected = false
      $0.latestCheckpoint = nil
    }
    #expect(without.status == .notMeetingSLA)
    #expect(without.substatus == .disconnectedFromPeerNoRecoveryPoints)
  }

  @Test func `a paused VPG does not meet its SLA and its RPO grows`() {
    let assessment = Self.with { $0.isPaused = true }
    #expect(assessment.status == .notMeetingSLA)
    #expect(assessment.substatus == .replicationPausedByUser)
    #expect(assessment.rpoInSeconds == 10)
  }

  @Test func `what nobody vouches for does not meet the SLA`() {
    let unknown = Self.with { $0.streams[1] = nil }
    #expect(unknown.status == .notMeetingSLA)
    #expect(unknown.substatus == .replicationPausedBySystem)
    #expect(unknown.rpoInSeconds == 10)
    let unlinked = Self.with { $0.streams[1]?.isConnected = false }
    #expect(unlinked.substatus == .replicationPausedBySystem)
    let waiting = Self.with { $0.streams[1]?.needsSync = true }
    #expect(waiting.substatus == .sync)
  }

  @Test func `faults are named`() {
    #expect(Self.with { $0.hasJournalFault = true }.substatus == .journalStorageError)
    #expect(Self.with { $0.hasVMFault = true }.substatus == .vmNotProtectedError)
    #expect(Self.with { $0.streams = [] }.substatus == .emptyProtectionGroup)
  }
}
