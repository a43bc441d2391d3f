// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// VPGs, and what is and was done.
extension SQLStore {
  package func vpgs() async throws(StoreError) -> [VPGRecord] {
    try await records("SELECT json FROM \"vpg\" ORDER BY identifier")
  }

  package func save(_ vpg: VPGRecord) async throws(StoreError) {
    try await put(vpg, in: "vpg", [("identifier", vpg.definition.identifier.rawValue)])
  }

  package func save(_ vpgs: [VPGRecord]) async throws(StoreError) {
    var statements: [SQLStatement] = []
    for vpg in vpgs {
      let keys = [("identifier", vpg.definition.identifier.rawValue)]
      statements.append(try Self.insertion(of: vpg, in: "vpg", keys))
    }
    _ = try await write(statements)
  }

  package func removeVPG(_ vpg: VPGIdentifier) async throws(StoreError) {
    try await execute("DELETE FROM \"vpg\" WHERE identifier = ?", [vpg.rawValue])
  }

  package func frozenGuests() async throws(StoreError) -> [FrozenGuestRecord] {
    try await records("SELECT json FROM \"frozenGuest\" ORDER BY vm")
  }

  package func save(_ guest: FrozenGuestRecord) async throws(StoreError) {
    try await put(guest, in: "frozenGuest", [("vm", guest.vm.rawValue)])
  }

  package func removeFrozenGuest(_ vm: VMIdentifier) async throws(StoreError) {
    try await execute("DELETE FROM \"frozenGuest\" WHERE vm = ?", [vm.rawValue])
  }

  package func blueprint(
    of stream: StreamIdentifier
  ) async throws(StoreError) -> BlueprintRecord? {
    try await record("SELECT json FROM \"blueprint\" WHERE stream = ?", [stream.rawValue])
  }

  package func save(_ blueprint: BlueprintRecord) async throws(StoreError) {
    try await put(blueprint, in: "blueprint", [("stream", blueprint.stream.rawValue)])
  }

  package func removeBlueprint(of stream: StreamIdentifier) async throws(StoreError) {
    try await execute("DELETE FROM \"blueprint\" WHERE stream = ?", [stream.rawValue])
  }

  package func vpgExports() async throws(StoreError) -> [VPGExportRecord] {
    try await records("SELECT json FROM \"vpgExport\" ORDER BY time DESC")
  }

  package func save(_ export: VPGExportRecord) async throws(StoreError) {
    try await put(export, in: "vpgExport", [("time", export.time)])
  }

  package func removeVPGExport(at time: WallTime) async throws(StoreError) {
    try await execute("DELETE FROM \"vpgExport\" WHERE time = ?", [time])
  }

  package func workflows() async throws(StoreError) -> [WorkflowRecord] {
    try await records("SELECT json FROM \"workflow\" ORDER BY identifier")
  }

  package func save(_ workflow: WorkflowRecord) async throws(StoreError) {
    try await put(workflow, in: "workflow", [("identifier", workflow.identifier)])
  }

  package func removeWorkflow(_ identifier: String) async throws(StoreError) {
    try await execute("DELETE FROM \"workflow\" WHERE identifier = ?", [identifier])
  }

  package func tasks(since start: WallTime?) async throws(StoreError) -> [TaskRecord] {
    try await records(
      "SELECT json FROM \"task\" WHERE started >= ? ORDER BY started DESC, \"row\" DESC",
      [start?.milliseconds ?? .min]
    )
  }

  package func task(_ identifier: TaskIdentifier) async throws(StoreError) -> TaskRecord? {
    try await record("SELECT json FROM \"task\" WHERE identifier = ?", [identifier.rawValue])
  }

  package func save(_ task: TaskRecord) async throws(StoreError) {
    try await put(
      task,
      in: "task",
      [("identifier", task.identifier.rawValue), ("started", task.started)]
    )
  }

  package func events(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(StoreError) -> [EventRecord] {
    try await records(
      """
      SELECT json FROM "event" WHERE occurred BETWEEN ? AND ?
      ORDER BY occurred DESC, "row" DESC LIMIT ?
      """,
      [start?.milliseconds ?? .min, end?.milliseconds ?? .max, max(limit, 0)]
    )
  }

  package func event(_ identifier: String) async throws(StoreError) -> EventRecord? {
    try await record("SELECT json FROM \"event\" WHERE identifier = ?", [identifier])
  }

  package func save(_ event: EventRecord) async throws(StoreError) {
    try await save([event])
  }

  package func save(_ events: [EventRecord]) async throws(StoreError) {
    var statements: [SQLStatement] = []
    for event in events {
      statements.append(
        try Self.insertion(
          of: event,
          in: "event",
          [("identifier", event.identifier), ("occurred", event.occurred)]
        )
      )
    }
    guard !statements.isEmpty else { return }
    _ = try await write(statements)
  }

  package func alerts() async throws(StoreError) -> [AlertRecord] {
    try await records("SELECT json FROM \"alert\" ORDER BY identifier")
  }

  package func save(_ alert: AlertRecord) async throws(StoreError) {
    try await put(alert, in: "alert", [("identifier", alert.identifier)])
  }

  package func removeAlert(_ identifier: String) async throws(StoreError) {
    try await execute("DELETE FROM \"alert\" WHERE identifier = ?", [identifier])
  }
}
