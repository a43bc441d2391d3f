// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Orchestration
import RecoveryModel
import Restic
import Store
import Synchronization
import Testing

/// A clock that stands until it is set.
private final class SetClock: Sendable {
  private let time = Mutex(WallTime.now)

  func now() -> WallTime { time.withLock { $0 } }

  func advance(days: Int64) {
    time.withLock { $0 = WallTime(milliseconds: $0.milliseconds + days * 86_400_000) }
  }
}

@Suite struct ScheduledRetentionTests {
  private static func wish(_ folder: String) -> RepositoryWish {
    RepositoryWish(name: "archive", place: .folder(path: folder))
  }

  private static func policy(_ repository: RepositoryIdentifier) -> RetentionPolicy {
    var policy = RetentionPolicy(isEnabled: true, repository: repository)
    policy.daily = .init(isEnabled: true, span: .init(1, .days))
    return policy
  }

  /// A restic repository in a folder of its own.
  private func withRestic(
    _ body: (ResticRepository) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-scheduled-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let place = folder.appendingPathComponent("repository")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let repository = ResticRepository(
      location: place.path,
      password: "of this test",
      cacheFolder: folder.appendingPathComponent("cache").path
    )
    try repository.initialise()
    try await body(repository)
  }

  @Test(.timeLimit(.minutes(10)))
  func `copies are made when they are due, and go from the repository when they are old`()
    async throws
  {
    try await withRestic { restic in
      let clock = SetClock()
      let sites = try await TwoSites(parisClock: { clock.now() })
      await sites.parisAppliance.setRestic(restic)
      try await sites.run {
        let site = sites.parisSite
        try await site.addRepository(Self.wish(restic.location), user: "ann")
        let repository = try #require(try await site.repositories().first).identifier
        let definition = try await sites.protectedVPG { $0.retention = Self.policy(repository) }
        let vpg = definition.identifier
        #expect(definition.retention == Self.policy(repository))
        #expect(try await site.vpg(vpg).definition.retention == definition.retention)
        try await eventually("the schedule is followed") {
          await site.context.vpgs.record(vpg)?.retention != nil
        }
        #expect(try await site.retentionSets().isEmpty)

        clock.advance(days: 1)
        try await eventually("the day's copy is made") {
          try await site.retentionSets().count == 1
        }
        let first = try #require(try await site.retentionSets().first)
        let day = try #require(first.expires).seconds(since: first.made) / 3600
        #expect((22.9...25.1).contains(day))
        try await eventually("the copy has ended") {
          try await site.tasks().allSatisfy(\.state.isFinal)
        }
        let busy = await #expect(throws: SiteError.self) {
          try await site.removeRepository(repository, user: "ann")
        }
        #expect(busy?.message.contains("change its policy") == true)

        // Two days later: one copy in place of two, and the first is old.
        clock.advance(days: 2)
        try await eventually("the next copy is made, and the old one is gone") {
          let sets = try await sites.parisStore.retentionSets()
          return sets.count == 1 && sets[0].identifier != first.identifier
        }
        let second = try #require(try await site.retentionSets().first)
        let snapshots = Set(second.machines.flatMap(\.disks).map(\.snapshot))
        #expect(Set(try restic.snapshots().map(\.id)) == snapshots)
        #expect(try await site.said("1 scheduled copy of the VPG web was missed"))
        let standing = await site.context.vpgs.record(vpg)?.retention
        #expect(standing?.expected == 3 && standing?.succeeded == 2)

        // A copy fails; the last set is old, and stays.
        await sites.parisAppliance.setArchiveReply(
          ArchiveReply(doneByteCount: 0, byteCount: 1 << 20, failure: "no space left on device")
        )
        clock.advance(days: 1)
        try await eventually("the failure is said") {
          try await site.said("did not become a set. The next one is due")
        }
        #expect(try await site.retentionSets() == [second])
        try Self.expectReadable(second, in: restic, await sites.parisAppliance.archived)
        try restic.check(readsData: true)
      }
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `a VPG that is turned round has no policy any more, and its sets stay`() async throws {
    try await withRestic { restic in
      let clock = SetClock()
      let sites = try await TwoSites(parisClock: { clock.now() })
      await sites.parisAppliance.setRestic(restic)
      try await sites.run {
        let site = sites.parisSite
        try await site.addRepository(Self.wish(restic.location), user: "ann")
        let repository = try #require(try await site.repositories().first).identifier
        let vpg = try await sites.protectedVPG { $0.retention = Self.policy(repository) }.identifier
        await sites.parisAppliance.connect(to: sites.londonAppliance)
        try await eventually("the schedule is followed") {
          await site.context.vpgs.record(vpg)?.retention != nil
        }
        clock.advance(days: 1)
        try await eventually("the day's copy is made") {
          try await site.retentionSets().count == 1
        }
        try await eventually("the copy has ended") {
          try await site.tasks().allSatisfy(\.state.isFinal)
        }
        await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
        let move = VPGOperation.move(.init(reverseProtection: true))
        try await sites.finished(try await site.perform(move, on: vpg, user: "ann"), at: site)
        await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
        let commit = VPGOperation.moveCommit(reverseProtection: nil, keepsSourceVMs: nil)
        try await sites.finished(try await site.perform(commit, on: vpg, user: "ann"), at: site)
        for manager in [site, sites.londonSite] {
          try await eventually("protected the other way") {
            let view = try await manager.vpg(vpg)
            return view.status == .meetingSLA && view.definition.protectedSite == TwoSites.paris
          }
          #expect(try await manager.vpg(vpg).definition.retention == nil)
          #expect(await manager.context.vpgs.record(vpg)?.retention == nil)
        }
        #expect(try await site.said("No copies of the VPG web are made for years any more"))
        #expect(try await site.retentionSets().count == 1)
      }
    }
  }

  /// Every byte of a set can be read back.
  private static func expectReadable(
    _ set: RetentionSet,
    in restic: ResticRepository,
    _ requests: [String: ArchiveRequest]
  ) throws {
    for disk in set.machines.flatMap(\.disks) {
      var read: [UInt8] = []
      try restic.dump(disk.snapshot, disk.name) { read += $0 }
      #expect(read == FakeAppliance.content(try #require(requests[disk.snapshot])))
    }
  }

  @Test func `a policy that names no repository of the recovery site makes no VPG`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      var wish = sites.definition(await sites.londonHypervisor.add("web1", disks: 1))
      wish.retention = Self.policy(RepositoryIdentifier("nowhere"))
      let words =
        "LongTermRetention.RepositoryIdentifier: the recovery site has no repository nowhere"
      for site in [sites.londonSite, sites.parisSite] {
        await #expect(throws: SiteError.rejected([words])) {
          try await site.create(wish, user: "ann")
        }
      }
      #expect(try await sites.parisSite.vpgs().isEmpty)

      wish.retention?.daily.span = nil
      let refused = await #expect(throws: SiteError.self) {
        try await sites.londonSite.create(wish, user: "ann")
      }
      #expect(refused?.message.contains("Daily.RetentionDuration.Count: it is missing") == true)
    }
  }

  @Test func `deleting a VPG by force ends its copy, and nothing else does`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      let (london, paris) = (sites.londonSite, sites.parisSite)
      try await paris.addRepository(Self.wish("/srv/archive"), user: "ann")
      await sites.parisAppliance.setArchiveReply(
        ArchiveReply(doneByteCount: 1 << 19, byteCount: 1 << 20)
      )
      let copy = try await paris.perform(.retain(nil), on: vpg, user: "ann")
      try await eventually("a disk is under way") { await !sites.parisAppliance.archives.isEmpty }
      let refused = await #expect(throws: SiteError.self) {
        try await london.perform(
          .delete(keepsRecoveryVolumes: false, force: false),
          on: vpg,
          user: "ann"
        )
      }
      #expect(refused?.message.contains("is being copied to a repository") == true)
      #expect(await sites.parisAppliance.archives.count == 1)

      try await sites.finished(
        try await london.perform(
          .delete(keepsRecoveryVolumes: false, force: true),
          on: vpg,
          user: "ann"
        ),
        at: london
      )
      let ended = try await sites.finished(copy, at: paris, state: .stopped)
      #expect(ended.completeReason == "The copy was ended by the deletion of its VPG.")
      #expect(try await paris.vpgs().isEmpty)
      #expect(try await sites.parisStore.workflows().isEmpty)
      #expect(await sites.parisAppliance.archives.isEmpty)
      #expect(await sites.parisAppliance.exports().isEmpty)
    }
  }
}

extension Site {
  fileprivate func said(_ words: String) async throws -> Bool {
    try await events(from: nil, to: nil, limit: 1000).contains { $0.description.contains(words) }
  }
}
