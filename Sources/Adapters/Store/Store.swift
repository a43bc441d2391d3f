// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What a manager must remember over a restart.
///
/// Every call is durable when it returns.
package protocol Store: CatalogueStore, ReportStore, RetentionStore {
  /// Ends its connections; calls afterwards fail.
  func close() async throws(StoreError)

  /// Returns once no other manager acts on this store, and none does from then on.
  ///
  /// `onWaiting` is told what is waited for, whenever that changes. `onLost` is called if another
  /// manager may act later: the process must have stopped acting when it returns.
  ///
  /// - Throws: `CancellationError` if the task is cancelled while it waits.
  func becomeActive(
    onWaiting: @escaping @Sendable (String) -> Void,
    onLost: @escaping @Sendable (String) -> Void
  ) async throws

  // MARK: Sites

  func peers() async throws(StoreError) -> [PeerRecord]
  func save(_ peer: PeerRecord) async throws(StoreError)
  func removePeer(_ site: SiteIdentifier) async throws(StoreError)
  /// Up to when a peer's history was heard; nil if never.
  func heardHistory(of site: SiteIdentifier) async throws(StoreError) -> HeardHistoryRecord?
  func save(_ heard: HeardHistoryRecord) async throws(StoreError)
  /// What the site's hosts had when they last answered; nil if there is only one, or none did.
  func hostsLastSeen() async throws(StoreError) -> HostsLastSeenRecord?
  func save(_ hosts: HostsLastSeenRecord) async throws(StoreError)
  /// Whom the manager logs in as at its hosts; nil if no call has said.
  func hypervisorAccount() async throws(StoreError) -> HypervisorAccountRecord?
  func save(_ account: HypervisorAccountRecord) async throws(StoreError)

  func pairingTokens() async throws(StoreError) -> [PairingTokenRecord]
  func save(_ token: PairingTokenRecord) async throws(StoreError)
  /// Takes a token away and returns it; nil if there is none, so that it works only once.
  func takePairingToken(_ identifier: String) async throws(StoreError) -> PairingTokenRecord?

  /// How the site's streams use its line; nil if nobody has said.
  func replicationSettings() async throws(StoreError) -> ReplicationSettings?
  func save(_ settings: ReplicationSettings) async throws(StoreError)

  /// Nil if nobody ever set one.
  func tweaks() async throws(StoreError) -> Tweaks?
  func save(_ tweaks: Tweaks) async throws(StoreError)

  /// What calls of the API said of appliances.
  func appliances() async throws(StoreError) -> [ApplianceRecord]
  func save(_ appliance: ApplianceRecord) async throws(StoreError)
  func removeAppliance(_ appliance: ApplianceIdentifier) async throws(StoreError)

  // MARK: Users

  func user(_ name: String) async throws(StoreError) -> UserRecord?
  func save(_ user: UserRecord) async throws(StoreError)
  func removeUser(_ name: String) async throws(StoreError)

  /// Who has which role, by subject.
  func roles() async throws(StoreError) -> [RoleRecord]
  func save(_ role: RoleRecord) async throws(StoreError)
  func removeRole(of subject: String) async throws(StoreError)

  /// Programs that log on by a secret.
  func clients() async throws(StoreError) -> [ClientRecord]
  func save(_ client: ClientRecord) async throws(StoreError)
  func removeClient(_ identifier: String) async throws(StoreError)

  /// What signs tokens; nil before the first.
  func tokenState() async throws(StoreError) -> TokenStateRecord?
  func save(_ state: TokenStateRecord) async throws(StoreError)

  /// What a person is shown before logging on; nil if nobody has said.
  func loginBanner() async throws(StoreError) -> LoginBannerRecord?
  func save(_ banner: LoginBannerRecord) async throws(StoreError)

  // MARK: Audit

  /// What was done within the bounds, newest first, at most `limit`.
  func audit(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(StoreError) -> [AuditRecord]
  /// Adds to the audit log, which takes no change and no removal but by age.
  func append(_ record: AuditRecord) async throws(StoreError)
  /// Removes what is older from the audit log; how many records that were.
  func removeAudit(before time: WallTime) async throws(StoreError) -> Int

  // MARK: VPGs

  func vpgs() async throws(StoreError) -> [VPGRecord]
  func save(_ vpg: VPGRecord) async throws(StoreError)
  /// Keeps all of them or none.
  func save(_ vpgs: [VPGRecord]) async throws(StoreError)
  func removeVPG(_ vpg: VPGIdentifier) async throws(StoreError)

  /// Definitions that were exported, newest first.
  func vpgExports() async throws(StoreError) -> [VPGExportRecord]
  func save(_ export: VPGExportRecord) async throws(StoreError)
  func removeVPGExport(at time: WallTime) async throws(StoreError)

  /// Guests whose file systems may be frozen by this site.
  func frozenGuests() async throws(StoreError) -> [FrozenGuestRecord]
  func save(_ guest: FrozenGuestRecord) async throws(StoreError)
  func removeFrozenGuest(_ vm: VMIdentifier) async throws(StoreError)

  /// What the VM of a stream is beside its disks; nil if its site has not said so yet.
  func blueprint(of stream: StreamIdentifier) async throws(StoreError) -> BlueprintRecord?
  func save(_ blueprint: BlueprintRecord) async throws(StoreError)
  func removeBlueprint(of stream: StreamIdentifier) async throws(StoreError)

  // MARK: Work

  /// Recovery operations that are not finished, as their state machines last stood.
  func workflows() async throws(StoreError) -> [WorkflowRecord]
  func save(_ workflow: WorkflowRecord) async throws(StoreError)
  func removeWorkflow(_ identifier: String) async throws(StoreError)

  /// Tasks, newest first; only those that began at `start` or later, if it is not nil.
  func tasks(since start: WallTime?) async throws(StoreError) -> [TaskRecord]
  func task(_ identifier: TaskIdentifier) async throws(StoreError) -> TaskRecord?
  func save(_ task: TaskRecord) async throws(StoreError)

  /// Events within the bounds, newest first, at most `limit`.
  func events(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(StoreError) -> [EventRecord]
  func event(_ identifier: String) async throws(StoreError) -> EventRecord?
  func save(_ event: EventRecord) async throws(StoreError)
  /// Keeps all of the events or none.
  func save(_ events: [EventRecord]) async throws(StoreError)

  /// The alerts that are on.
  func alerts() async throws(StoreError) -> [AlertRecord]
  func save(_ alert: AlertRecord) async throws(StoreError)
  func removeAlert(_ identifier: String) async throws(StoreError)
}

extension Store {
  /// All tasks, newest first.
  package func tasks() async throws(StoreError) -> [TaskRecord] { try await tasks(since: nil) }

  /// A store that one manager alone can reach needs no more.
  package func becomeActive(
    onWaiting: @escaping @Sendable (String) -> Void,
    onLost: @escaping @Sendable (String) -> Void
  ) async throws {}
}

/// Why the store did not keep or find something.
///
/// Texts are the database's own.
package enum StoreError: Error, Equatable, Sendable {
  case unavailable(String)
  case corrupt(String)
}
