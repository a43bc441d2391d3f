// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Store
import Testing

/// The protected manager is killed at every record of a quiesced checkpoint in turn.
@Suite struct QuiesceKillTests {
  private static let width = 2
  private static let patience = Duration.seconds(120)

  /// With a guest that does not thaw, whoever froze it could not thaw it before it was killed.
  @Test(arguments: ["frozenGuest", "task"], [FakeHypervisor.Agent.freezes, .staysFrozen])
  func `whenever it is killed, no guest stays frozen and the VPG is protected as before`(
    table: String,
    agent: FakeHypervisor.Agent
  ) async throws {
    var count = 0
    while count < 40 {
      let next = count + 1..<count + 1 + Self.width
      let killed = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in next {
          for keepsRecord in [false, true] {
            group.addTask { try await story(table, agent, atRecord: number, keepsRecord) }
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      count += killed / 2
      if killed < 2 * Self.width { break }
    }
    // A task begins and ends; a guest is noted before it is frozen.
    #expect(count >= (table == "task" ? 2 : 1), "\(count) records")
  }

  private func story(
    _ table: String,
    _ agent: FakeHypervisor.Agent,
    atRecord number: Int,
    _ keepsRecord: Bool
  ) async throws -> Bool {
    let sites = try await TwoSites()
    let parisRun = Task { await sites.parisSite.run() }
    var london = sites.londonSite
    var londonRun = Task { [london] in await london.run() }
    let what: Comment = "killed at \(number) of \(table)\(keepsRecord ? ", kept" : "")"
    do {
      let definition = try await sites.protectedVPG()
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      await sites.londonHypervisor.setAgent(agent, of: vm)
      let store = sites.londonStore
      store.killManager(atRecord: number, keepsRecord: keepsRecord, of: table)
      let insert = VPGOperation.insertQuiescedCheckpoint(tag: "before")
      let task = try? await london.perform(insert, on: vpg, user: "ann")
      try await eventually("it ends, or its manager", within: Self.patience) {
        guard let task, !store.isDead else { return true }
        return try await london.task(task).state.isFinal
      }
      if store.spareManager() {
        londonRun.cancel()
        await londonRun.value
        london = try await sites.londonAgain()
        londonRun = Task { [london] in await london.run() }
      }
      await sites.londonHypervisor.setAgent(.freezes, of: vm)
      try await eventually("thawed", within: Self.patience) {
        let noted = try await london.context.store.frozenGuests()
        return await sites.londonHypervisor.frozen.isEmpty && noted.isEmpty
      }
      try await eventually("no task is left", within: Self.patience) {
        try await london.tasks().allSatisfy(\.state.isFinal)
      }
      try await eventually("protected", within: Self.patience) {
        try await london.vpg(vpg).status == .meetingSLA
      }
      // And the next one is made as if nothing had been.
      try await sites.finished(try await london.perform(insert, on: vpg, user: "ann"), at: london)
      let points = try await sites.parisSite.checkpoints(of: vpg, from: nil, to: nil)
      #expect(points.contains { $0.tag == "before" }, what)
      #expect(await sites.londonHypervisor.frozen.isEmpty, what)
    } catch { Issue.record(error, what) }
    for run in [londonRun, parisRun] {
      run.cancel()
      await run.value
    }
    return sites.londonStore.isDead
  }
}
