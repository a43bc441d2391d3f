// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Hypervisor
import RecoveryModel
import Scripts
import Store
import Testing

@testable import Orchestration

@Suite(.timeLimit(.minutes(5))) struct ScriptTests {
  let scripts = RecordingScripts()
  let sites: TwoSites

  init() async throws { sites = try await TwoSites(scripts: scripts) }

  private func protectedVPG() async throws -> VPGIdentifier {
    try await sites.protectedVPG { definition in
      definition.scripting.preRecovery.command = "before.sh"
      definition.scripting.preRecovery.timeoutInSeconds = 7
      definition.scripting.postRecovery.command = "after.sh"
    }.identifier
  }

  @discardableResult
  private func carryOut(
    _ operation: VPGOperation,
    on vpg: VPGIdentifier,
    state: TaskRecord.State = .completed
  ) async throws -> TaskRecord {
    let paris = sites.parisSite
    let task = try await paris.perform(operation, on: vpg, user: "ann")
    return try await sites.finished(task, at: paris, state: state)
  }

  private func report(_ kind: RecoveryReport.Kind) async throws -> RecoveryReport {
    let all = try await sites.parisSite.recoveryReports(from: nil, to: nil)
    return try #require(all.first { $0.kind == kind })
  }

  @Test func `a test runs its scripts before and after, and its stop none`() async throws {
    let sites = sites
    let scripts = scripts
    try await sites.run {
      let vpg = try await protectedVPG()
      let task = try await carryOut(.failoverTest(.init()), on: vpg)
      #expect(scripts.operations == ["Test PreRecovery", "Test PostRecovery"])
      #expect(task.completeReason.contains("before.sh ended well"))
      #expect(task.completeReason.contains("is in /web/printed.txt: said"))
      try await carryOut(.failoverTestStop(succeeded: true, summary: ""), on: vpg)
      #expect(scripts.runs.count == 2)
      let findings = try #require(try await report(.failoverTest).verifications)
        .filter { $0.subject.hasSuffix("script") }
      #expect(findings.map(\.subject) == ["The pre-recovery script", "The post-recovery script"])
      #expect(findings.allSatisfy { $0.hasPassed && $0.finding.contains("ended well") })
      let steps = try await report(.failoverTest).steps.map(\.description)
      #expect(
        steps.prefix(4) == [
          "Open the disks of web1 as of the checkpoint", "Run the pre-recovery script",
          "Start web1", "Run the post-recovery script",
        ]
      )
    }
  }

  @Test func `a rollback runs the script after, once the protected VMs are back`() async throws {
    let sites = sites
    let scripts = scripts
    try await sites.run {
      let vpg = try await protectedVPG()
      try await carryOut(.failover(.init(shutdownPolicy: .forceShutdown)), on: vpg)
      try await carryOut(.failoverRollback, on: vpg)
      #expect(
        scripts.operations == [
          "FailoverBeforeCommit PreRecovery", "FailoverBeforeCommit PostRecovery",
          "FailoverRollback PostRecovery",
        ]
      )
      #expect(try await report(.failover).steps.last?.description == "Run the post-recovery script")
    }
  }

  @Test(arguments: [ScriptResult.Ending.exited(3), .timedOut, .refused("No such script.")])
  func `a test whose script before fails is undone and says why`(
    ending: ScriptResult.Ending
  ) async throws {
    let sites = sites
    scripts.end("before.sh", as: ending)
    try await sites.run {
      let vpg = try await protectedVPG()
      let task = try await carryOut(.failoverTest(.init()), on: vpg, state: .failed)
      let words =
        switch ending {
        case .exited: "ended with status 3. What it printed is in /web/printed.txt: said"
        case .timedOut: "its 7 seconds were up"
        case .stopped, .refused: "was not run. No such script."
        }
      #expect(task.completeReason.contains(words), "\(task.completeReason)")
      #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty)
      #expect(await sites.parisAppliance.exports().isEmpty)
      let report = try await report(.failoverTest)
      #expect(report.failure.contains(words))
      #expect(report.steps.contains { $0.failure.contains(words) })
      let finding = report.verifications?.first { $0.subject == "The pre-recovery script" }
      #expect(finding?.hasPassed == false && finding?.finding.contains(words) == true)
    }
  }

  @Test func `a move whose script before fails leaves the protected VM running`() async throws {
    let sites = sites
    let scripts = scripts
    scripts.end("before.sh", as: .exited(1))
    try await sites.run {
      let vpg = try await protectedVPG()
      try await carryOut(.move(.init()), on: vpg, state: .failed)
      let vms = await sites.londonHypervisor.shown.virtualMachines
      #expect(vms.map(\.power) == [.running])
      #expect(scripts.operations == ["MoveBeforeCommit PreRecovery", "MoveRollback PostRecovery"])
    }
  }

  @Test func `a failover goes on whatever becomes of its scripts`() async throws {
    let sites = sites
    for command in ["before.sh", "after.sh"] { scripts.end(command, as: .timedOut) }
    try await sites.run {
      let vpg = try await protectedVPG()
      let task = try await carryOut(
        .failover(.init(shutdownPolicy: .forceShutdown)),
        on: vpg
      )
      #expect(task.completeReason.contains("before.sh was ended"))
      #expect(task.completeReason.contains("after.sh was ended"))
      let vms = await sites.parisHypervisor.shown.virtualMachines
      #expect(vms.map(\.power) == [.running])
      try await carryOut(.failoverRollback, on: vpg)
      #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty)
      let failures = try await report(.failover).steps.filter { !$0.failure.isEmpty }
      #expect(failures.count == 3)
      let events = try await sites.parisSite.context.store.events(from: nil, to: nil, limit: 100)
      #expect(events.count { $0.kind == .preScript && !$0.succeeded } == 1)
      #expect(events.count { $0.kind == .postScript && !$0.succeeded } == 2)
    }
  }

  /// The whole of it: a real script, a real manager that ends in the middle.
  @Test(.enabled(if: geteuid() == 0, "starting scripts needs root"))
  func `a script that a stopping manager ends is not run again, and the next one says so`()
    async throws
  {
    let folder = FileManager.default.temporaryDirectory.path + "/runs-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let folders = try ScriptFolders(path: folder)
    let mark = "89\(Int.random(in: 100_000...999_999))"
    try folders.repository.write(
      Array("#!/bin/sh\necho $ZertoOperation begun\nexec sleep \(mark)\n".utf8),
      to: try ScriptPath("before.sh"),
      overwrites: false
    )
    let sites = try await TwoSites(scripts: ScriptRunner(folders: folders, userName: nil))
    let london = Task { await sites.londonSite.run() }
    let paris = Task { await sites.parisSite.run() }
    let vpg = try await sites.protectedVPG { $0.scripting.preRecovery.command = "before.sh" }
      .identifier
    let task = try await sites.parisSite.perform(.failoverTest(.init()), on: vpg, user: "ann")
    try await eventually("the script runs") { Self.isRunning(mark) }
    paris.cancel()
    await paris.value
    #expect(!Self.isRunning(mark))
    let again = try await sites.parisAgain()
    let second = Task { await again.run() }
    try await eventually("the task ends") { try await again.task(task).state.isFinal }
    let record = try await again.task(task)
    #expect(record.state == .failed)
    #expect(record.completeReason.contains("ended with the manager"))
    #expect(!Self.isRunning(mark))
    #expect(await sites.parisAppliance.exports().isEmpty)
    for run in [second, london] {
      run.cancel()
      await run.value
    }
  }

  @Test func `a script that the recovery site does not have is refused, and one it lost is kept`()
    async throws
  {
    let folder = FileManager.default.temporaryDirectory.path + "/runs-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let folders = try ScriptFolders(path: folder)
    let path = try ScriptPath("before.sh")
    try folders.repository.write(Array("#!/bin/sh\n".utf8), to: path, overwrites: false)
    let sites = try await TwoSites(scripts: ScriptRunner(folders: folders, userName: nil))
    try await sites.run {
      let definition = try await sites.protectedVPG {
        $0.scripting.preRecovery.command = "before.sh"
      }
      var wish = definition
      wish.generation += 1
      wish.scripting.postRecovery.command = "nope.sh"
      let words =
        "Scripting.PostRecovery.Command: There is no script /nope.sh in the repository."
      for site in [sites.londonSite, sites.parisSite] {
        await #expect(throws: SiteError.rejected([words])) {
          try await site.perform(.update(wish), on: definition.identifier, user: "ann")
        }
      }
      try FileManager.default.removeItem(atPath: "\(folder)/repository/before.sh")
      wish.scripting.postRecovery.command = nil
      wish.name = "shop"
      let task = try await sites.londonSite.perform(
        .update(wish),
        on: definition.identifier,
        user: "ann"
      )
      try await sites.finished(task, at: sites.londonSite)
    }
  }

  private static func isRunning(_ mark: String) -> Bool {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.contains { name in
      guard Int(name) != nil,
        let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
      else { return false }
      return String(decoding: line, as: UTF8.self).contains(mark)
    }
  }
}
