// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Glibc
import Hypervisor
import Orchestration
import RecoveryModel
import Scripts
import Store
import Testing

@Suite struct RetentionTests {
  private static let wish = RepositoryWish(
    name: "archive",
    place: .s3(endpoint: "https://s3.example", bucket: "b", path: "", region: ""),
    accessKey: "who",
    secretKey: "nobody-knows"
  )

  /// Sites with a protected VM, and a repository at paris.
  private func withRepository(
    _ body: @escaping @Sendable (TwoSites, VPGDefinition) async throws -> Void
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      try await sites.parisSite.addRepository(Self.wish, user: "ann")
      try await body(sites, definition)
    }
  }

  @Test func `a repository is kept, and what opens it is nowhere to be read`() async throws {
    try await withRepository { sites, _ in
      let site = sites.parisSite
      let repository = try #require(try await site.repositories().first)
      #expect(repository.isDefault && repository.size.capacity == 10 << 30)
      #expect(repository.mark == "mark of s3:https://s3.example/b")
      #expect(repository.lock == .until(WallTime(milliseconds: 4_000_000_000_000)))
      let rows = try await sites.parisStore.read(SQLStatement("SELECT json FROM \"repository\""))
      let text = try #require(rows.first?.first?.text)
      #expect(text.contains("archive") && !text.contains("nobody-knows"))

      await #expect(throws: SiteError.self) { try await site.addRepository(Self.wish, user: "ann") }
      await sites.parisAppliance.setRepositoryFault(.failed("no such bucket"))
      let refused = await #expect(throws: SiteError.self) {
        try await site.addRepository(
          RepositoryWish(name: "other", place: .folder(path: "/x")),
          user: "ann"
        )
      }
      #expect(refused?.message == "no such bucket")
      await sites.parisAppliance.setRepositoryFault(nil)
      #expect(try await site.repositories() == [repository])

      var wish = Self.wish
      wish.name = "years"
      (wish.accessKey, wish.secretKey) = (nil, nil)
      try await site.changeRepository(repository.identifier, wish, user: "ann")
      #expect(try await site.repositories().map(\.name) == ["years"])
      // A key that is not named stays: a copy still has it.
      wish.place = .folder(path: "/elsewhere")
      await #expect(throws: SiteError.self) {
        try await site.changeRepository(repository.identifier, wish, user: "ann")
      }
      try await site.removeRepository(repository.identifier, user: "ann")
      #expect(try await site.repositories().isEmpty)
    }
  }

  @Test func `a copy is a set, a set is a new VM, and a deleted set is gone`() async throws {
    try await withRepository { sites, definition in
      let (site, vm) = (sites.parisSite, definition.vms[0])
      let latest = try #require(
        try await site.checkpoints(of: definition.identifier, from: nil, to: nil).last
      )
      let task = try await sites.londonSite.perform(
        .retain(latest.identifier),
        on: definition.identifier,
        user: "ann"
      )
      #expect(try await sites.finished(task, at: site).kind == .retain)
      let set = try #require(try await site.retentionSets().first)
      #expect(set.checkpoint == latest && set.vpgName == definition.name)
      let machine = try #require(set.machine(vm.identifier))
      #expect(machine.disks.map(\.volume) == vm.volumes.map(\.identifier))
      let archived = await sites.parisAppliance.archived
      #expect(Set(machine.disks.map(\.snapshot)) == Set(archived.keys))
      #expect(archived.values.allSatisfy { $0.tags.contains(set.tag) && $0.host == "web1" })
      #expect(archived.values.allSatisfy { $0.repository.accessKey?.secret == "nobody-knows" })
      #expect(await sites.parisAppliance.archives.isEmpty)
      #expect(await sites.parisAppliance.exports().isEmpty)

      let restore = try await site.restore(
        RestoreWish(set: set.identifier, vm: vm.identifier),
        user: "ann"
      )
      try await sites.finished(restore, at: site)
      let restored = try #require(try await sites.parisVMs().first)
      #expect(restored.name.hasPrefix("web1-") && restored.power == .off)
      #expect(
        await sites.parisAppliance.restored.keys.sorted() == restored.disks.map(\.path).sorted()
      )
      let repository = set.repository
      await #expect(throws: SiteError.self) {
        try await site.removeRepository(repository, user: "ann")
      }

      try await site.deleteRetentionSets([set.identifier], user: "ann")
      #expect(try await site.retentionSets().isEmpty)
      try await eventually("its snapshots are gone") {
        await sites.parisAppliance.archived.isEmpty
      }
      try await eventually("it is forgotten") { try await sites.parisStore.retentionSets().isEmpty }
      try await site.removeRepository(repository, user: "ann")
      await #expect(throws: SiteError.self) {
        try await site.restore(RestoreWish(set: set.identifier, vm: vm.identifier), user: "ann")
      }
    }
  }

  @Test func `an aborted copy leaves no set, no snapshot and no export`() async throws {
    try await withRepository { sites, definition in
      let (site, vpg) = (sites.parisSite, definition.identifier)
      await sites.parisAppliance.setArchiveReply(
        ArchiveReply(doneByteCount: 1 << 19, byteCount: 1 << 20)
      )
      let task = try await site.perform(.retain(nil), on: vpg, user: "ann")
      try await eventually("a disk is under way") { await !sites.parisAppliance.archives.isEmpty }
      let busy = await #expect(throws: SiteError.self) {
        try await site.perform(.retain(nil), on: vpg, user: "ann")
      }
      #expect(busy?.message.contains("is being copied") == true)
      let abort = try await sites.londonSite.perform(.retainAbort, on: vpg, user: "bob")
      try await sites.finished(abort, at: site)
      let ended = try await sites.finished(task, at: site, state: .stopped)
      #expect(ended.completeReason == "The copy was aborted by bob.")
      try await sites.expectNoCopy("the abort")
      await #expect(throws: SiteError.self) {
        try await site.perform(.retainAbort, on: vpg, user: "bob")
      }
    }
  }

  @Test func `a copy or a restore that fails is undone, and says why`() async throws {
    try await withRepository { sites, definition in
      let (site, vpg) = (sites.parisSite, definition.identifier)
      await sites.parisAppliance.setArchiveReply(
        ArchiveReply(doneByteCount: 0, byteCount: 1 << 20, failure: "no space left on device")
      )
      let task = try await site.perform(.retain(nil), on: vpg, user: "ann")
      let ended = try await sites.finished(task, at: site, state: .failed)
      #expect(ended.completeReason.contains("no space left on device"))
      try await sites.expectNoCopy("the failure")

      await sites.parisAppliance.setArchiveReply(nil)
      try await sites.finished(
        try await site.perform(.retain(nil), on: vpg, user: "ann"),
        at: site
      )
      let set = try #require(try await site.retentionSets().first)
      await sites.parisAppliance.setCopyReply(CopyReply(failure: "the repository is damaged"))
      let restore = try await site.restore(
        RestoreWish(set: set.identifier, vm: definition.vms[0].identifier),
        user: "ann"
      )
      let undone = try await sites.finished(restore, at: site, state: .failed)
      #expect(undone.completeReason.contains("the repository is damaged"))
      #expect(try await sites.parisVMs().isEmpty)
      #expect(await sites.parisAppliance.restored.isEmpty)
    }
  }

  @Test(arguments: [false, true])
  func `a manager killed at any record of a copy ends it whole, with nothing left open`(
    keepsRecord: Bool
  ) async throws {
    var number = 1
    while number < 100, try await wasKilled(atRecord: number, keepsRecord) { number += 1 }
    // A beginning, an export, two disks, their ends, the export's end, the set.
    #expect((9..<100).contains(number))
  }

  @Test func `an aborted restore leaves no VM and no disk`() async throws {
    try await withRepository { sites, definition in
      let (site, vpg) = (sites.parisSite, definition.identifier)
      try await sites.finished(
        try await site.perform(.retain(nil), on: vpg, user: "ann"),
        at: site
      )
      let set = try #require(try await site.retentionSets().first)
      await sites.parisAppliance.setCopyReply(CopyReply(copiedByteCount: 1))
      let restore = try await site.restore(
        RestoreWish(set: set.identifier, vm: definition.vms[0].identifier),
        user: "ann"
      )
      try await eventually("a disk is under way") {
        await !sites.parisAppliance.restored.isEmpty
      }
      try await sites.finished(try await site.abortRestore(restore, user: "bob"), at: site)
      let ended = try await sites.finished(restore, at: site, state: .stopped)
      #expect(ended.completeReason == "The restore was aborted by bob.")
      #expect(try await sites.parisVMs().isEmpty)
      #expect(await sites.parisAppliance.restored.isEmpty)
      #expect(try await site.retentionSets() == [set])
      await #expect(throws: SiteError.self) {
        try await site.abortRestore(restore, user: "bob")
      }
    }
  }

  @Test(arguments: [false, true])
  func `a manager killed at any record of a restore makes one VM, or leaves nothing of it`(
    keepsRecord: Bool
  ) async throws {
    var number = 1
    while number < 100, try await restoreWasKilled(atRecord: number, keepsRecord) { number += 1 }
    // A beginning, two disks, the VM and the end.
    #expect((5..<100).contains(number))
  }

  private func restoreWasKilled(atRecord number: Int, _ keepsRecord: Bool) async throws -> Bool {
    let sites = try await TwoSites()
    let store = sites.parisStore
    let londonRun = Task { await sites.londonSite.run() }
    let parisRun = Task { await sites.parisSite.run() }
    let definition = try await sites.protectedVPG()
    try await sites.parisSite.addRepository(Self.wish, user: "ann")
    try await sites.finished(
      try await sites.parisSite.perform(.retain(nil), on: definition.identifier, user: "ann"),
      at: sites.parisSite
    )
    let set = try #require(try await sites.parisSite.retentionSets().first)
    store.killManager(atRecord: number, keepsRecord: keepsRecord)
    _ = try? await sites.parisSite.restore(
      RestoreWish(set: set.identifier, vm: definition.vms[0].identifier),
      user: "ann"
    )
    let (paris, again) = try await sites.parisOutlived(parisRun)
    let vms = try await sites.parisVMs()
    let files = await sites.parisAppliance.restored.keys.sorted()
    #expect(vms.count <= 1, "killed at record \(number)")
    #expect(files == vms.flatMap(\.disks).map(\.path).sorted(), "killed at record \(number)")
    #expect(try await paris.retentionSets() == [set], "killed at record \(number)")
    for run in [again, londonRun] {
      run.cancel()
      await run.value
    }
    return store.isDead
  }

  @Test(arguments: [ScriptResult.Ending.exited(0), .exited(3), .refused("Nobody may run it.")])
  func `a script runs when the set is there, which stays whatever comes of it`(
    ending: ScriptResult.Ending
  ) async throws {
    let scripts = RecordingScripts()
    scripts.end("after.sh", as: ending)
    let sites = try await TwoSites(scripts: scripts)
    try await sites.run {
      let vpg = try await sites.protectedVPG {
        $0.scripting.postBackup = .init()
        $0.scripting.postBackup?.command = "after.sh"
      }.identifier
      let site = sites.parisSite
      try await site.addRepository(Self.wish, user: "ann")
      let task = try await site.perform(.retain(nil), on: vpg, user: "ann")
      let record = try await sites.finished(task, at: site)
      #expect(record.completeReason.contains("The script after the copy, after.sh,"))
      #expect(scripts.operations == ["Backup PostBackup"])
      #expect(try await site.retentionSets().count == 1)
      let event = try await site.events(from: nil, to: nil, limit: 100)
        .first { $0.kind == .postScript }
      #expect(event?.succeeded == (ending == .exited(0)))
      #expect(event.map { record.completeReason.contains($0.description) } == true)
    }
  }

  @Test(.enabled(if: geteuid() == 0, "starting scripts needs root"))
  func `an abort ends a script that runs, and the set stays`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/after-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let folders = try ScriptFolders(path: folder)
    try folders.repository.write(
      Array("#!/bin/sh\nexec sleep 100000\n".utf8),
      to: try ScriptPath("after.sh"),
      overwrites: false
    )
    let sites = try await TwoSites(scripts: ScriptRunner(folders: folders, userName: nil))
    try await sites.run {
      let vpg = try await sites.protectedVPG {
        $0.scripting.postBackup = .init()
        $0.scripting.postBackup?.command = "after.sh"
        $0.scripting.postBackup?.timeoutInSeconds = 3600
      }.identifier
      let site = sites.parisSite
      try await site.addRepository(Self.wish, user: "ann")
      let task = try await site.perform(.retain(nil), on: vpg, user: "ann")
      try await eventually("the script's folder is there") {
        let runs = try? FileManager.default.contentsOfDirectory(atPath: folder + "/runs")
        return runs?.isEmpty == false
      }
      let abort = try await site.perform(.retainAbort, on: vpg, user: "bob")
      try await sites.finished(abort, at: site)
      let record = try await sites.finished(task, at: site, state: .stopped)
      #expect(record.completeReason.contains("is in its repository. The script after the copy"))
      #expect(try await site.retentionSets().count == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/runs").isEmpty)
    }
  }

  private func wasKilled(atRecord number: Int, _ keepsRecord: Bool) async throws -> Bool {
    let scripts = RecordingScripts()
    let sites = try await TwoSites(scripts: scripts)
    let store = sites.parisStore
    let londonRun = Task { await sites.londonSite.run() }
    let parisRun = Task { await sites.parisSite.run() }
    let vpg = try await sites.protectedVPG {
      $0.scripting.postBackup = .init()
      $0.scripting.postBackup?.command = "after.sh"
    }.identifier
    try await sites.parisSite.addRepository(Self.wish, user: "ann")
    store.killManager(atRecord: number, keepsRecord: keepsRecord)
    _ = try? await sites.parisSite.perform(.retain(nil), on: vpg, user: "ann")
    let (paris, again) = try await sites.parisOutlived(parisRun)
    #expect(await sites.parisAppliance.exports().isEmpty, "killed at record \(number)")
    #expect(await sites.parisAppliance.archives.isEmpty, "killed at record \(number)")
    // What is no set's is nobody's.
    let disks = try await paris.retentionSets().flatMap(\.machines).flatMap(\.disks)
    let kept = Set(disks.map(\.snapshot))
    let archived = Set(await sites.parisAppliance.archived.keys)
    #expect(kept.isSubset(of: archived), "killed at record \(number)")
    if !kept.isEmpty { #expect(kept.count == 2, "killed at record \(number)") }
    #expect(scripts.runs.count <= 1, "a script ran twice, killed at record \(number)")
    #expect(scripts.runs.isEmpty || !kept.isEmpty, "a script without a set")
    for run in [again, londonRun] {
      run.cancel()
      await run.value
    }
    return store.isDead
  }
}

extension TwoSites {
  /// Another manager of paris, with its run, that has ended all that the killed one had begun.
  fileprivate func parisOutlived(
    _ run: Task<Void, Never>
  ) async throws -> (site: Site, run: Task<Void, Never>) {
    try await eventually("it ends, or its manager") {
      if parisStore.isDead { return true }
      return try await parisSite.tasks().allSatisfy(\.state.isFinal)
    }
    run.cancel()
    await run.value
    let paris = try await parisAgain()
    let again = Task { await paris.run() }
    try await eventually("nothing is under way any more") {
      let hasEnded = try await paris.tasks().allSatisfy(\.state.isFinal)
      let workflows = try await paris.context.store.workflows()
      return hasEnded && workflows.isEmpty
    }
    return (paris, again)
  }

  fileprivate func parisVMs() async throws -> [VirtualMachine] {
    try await parisHypervisor.inventory().virtualMachines
  }

  fileprivate func expectNoCopy(_ what: Comment) async throws {
    #expect(try await parisSite.retentionSets().isEmpty, what)
    #expect(await parisAppliance.archives.isEmpty, what)
    #expect(await parisAppliance.exports().isEmpty, what)
    try await eventually("\(what): what was copied is deleted") {
      let sets = try await parisStore.retentionSets()
      let archived = await parisAppliance.archived
      return sets.isEmpty && archived.isEmpty
    }
  }
}
