// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
package import Store

/// The operations a recovery site carries out by itself: tests, failovers, moves and clones.
///
/// The site forwards to it every operation that `VPGOperation.runsAtRecoverySite` claims.
package protocol RecoveryOperating: Sendable {
  /// Takes the workflows of a manager that was stopped, before the site is asked anything: nobody
  /// is to be told that there is no recovery, or to begin a second one.
  func load(_ records: [WorkflowRecord]) async

  /// Goes on with what was loaded. A workflow names its task in its state; that task is in progress
  /// when this is called.
  func resume() async

  /// Checks that the operation is possible now, and begins it.
  func begin(
    _ operation: VPGOperation,
    on record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier

  /// What a running operation makes of the VPG's status; nil without one.
  func progress(of vpg: VPGIdentifier) async -> RecoveryProgress?

  /// The same of every VPG that has one.
  func progress() async -> [VPGIdentifier: RecoveryProgress]

  /// The tests whose VMs run, and the failovers that wait for commit or rollback.
  func waiting() async -> [RecoveryWorkflow]

  /// What a failover or move that is under way has started; nil without one.
  func recovered(of vpg: VPGIdentifier) async -> VPGRecord.Recovered?

  /// Whether a clone of the VPG is being made or undone.
  func isCloning(_ vpg: VPGIdentifier) async -> Bool

  /// Whether the VPG's last good point is being searched for.
  func isSearching(_ vpg: VPGIdentifier) async -> Bool

  /// Whether the VPG is being copied to a repository.
  func isRetaining(_ vpg: VPGIdentifier) async -> Bool

  /// Has a copy of the VPG to a repository undone, and waits for that; without one it is fine.
  ///
  /// - Throws: `unreachable` if what is to be undone is not within a minute; it goes on then.
  func endRetaining(_ vpg: VPGIdentifier, because reason: String) async throws(SiteError)

  /// Begins to copy the VPG's latest checkpoint, as its policy says, into a set that is kept until
  /// then.
  func retain(
    as set: RetentionSetIdentifier,
    until expires: WallTime,
    _ record: VPGRecord
  ) async throws(SiteError)

  /// Makes a new VM of a retention set.
  func restore(_ wish: RestoreWish, user: String) async throws(SiteError) -> TaskIdentifier

  /// Has a restore undone, which is found by its task.
  func abortRestore(
    _ task: TaskIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier

  /// Refuses while something is copied into a repository, or out of it.
  func refuseIfRetaining(in repository: RepositoryIdentifier) async throws(SiteError)

  /// Begins to search for the last point that passes a check.
  func beginSearch(
    _ wish: PointSearchWish,
    in record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier

  func abortSearch(
    in vpg: VPGIdentifier,
    of name: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier

  /// Begins to have VMs that an appliance recovers recovered on other hosts; `staying` says why
  /// others cannot go.
  func relocate(
    _ choice: RelocationChoice,
    to machines: [VMIdentifier: HostIdentifier],
    staying: [VMIdentifier: String],
    user: String
  ) async throws(SiteError) -> TaskIdentifier

  /// The search under way, or the last one.
  func search(in vpg: VPGIdentifier) async -> PointSearchView?
}

/// How a recovery shows in the VPG's status.
package struct RecoveryProgress: Sendable, Equatable {
  package var status: VPGStatus
  package var substatus: VPGSubstatus
  /// The stage of a running test; nil without one.
  ///
  /// With a stage, status and substatus do not count: protection goes on meanwhile and has its own.
  package var testStage: String?

  package init(status: VPGStatus, substatus: VPGSubstatus, testStage: String? = nil) {
    self.status = status
    self.substatus = substatus
    self.testStage = testStage
  }
}
