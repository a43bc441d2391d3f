// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

/// Says which repositories are being cleaned: nothing is copied to or from them meanwhile.
actor RepositoryGate {
  private var shut: Set<RepositoryIdentifier> = []

  func isShut(_ repository: RepositoryIdentifier) -> Bool { shut.contains(repository) }
  func shut(_ repository: RepositoryIdentifier) { shut.insert(repository) }
  func open(_ repository: RepositoryIdentifier) { shut.remove(repository) }
}

/// Deletes the snapshots of sets that are to be deleted, or whose time is up, for as long as it
/// takes.
///
/// A set's record goes last, so that a manager that is killed, or a repository that is away, leaves
/// nothing behind in the end. The newest set of a VPG does not go by itself: a VPG that cannot be
/// copied any more keeps its last copy.
struct RetentionSweep: Sendable {
  private static let pause = Duration.seconds(10)
  /// After a repository did not let its sets be deleted: each try keeps copies waiting.
  private static let failurePause = Duration.seconds(60)

  let context: SiteContext
  let recovery: any RecoveryOperating
  let gate: RepositoryGate

  func run() async {
    var failures: [RepositoryIdentifier: (reason: String, at: ContinuousClock.Instant)] = [:]
    while !Task.isCancelled {
      for (repository, sets) in await due() {
        let last = failures[repository]
        if let last, ContinuousClock.now - last.at < Self.failurePause { continue }
        do throws(SiteError) {
          try await delete(sets, from: repository)
          failures[repository] = nil
        } catch {
          if Task.isCancelled { return }
          if last?.reason != error.message { await say(error.message, repository, sets) }
          failures[repository] = (error.message, ContinuousClock.now)
        }
      }
      do { try await Task.sleep(for: Self.pause) } catch { return }
    }
  }

  private func say(
    _ reason: String,
    _ repository: RepositoryIdentifier,
    _ sets: [RetentionSet]
  ) async {
    let name = try? await RepositoryBook(context: context).repository(repository).name
    await context.events.record(
      .retain,
      "Retention sets that are over cannot be deleted from the repository "
        + "\(name ?? repository.rawValue) yet: \(reason)",
      succeeded: false,
      vpgs: Array(Set(sets.map(\.vpg))).sorted()
    )
  }

  /// The sets that are to go, by repository.
  private func due() async -> [RepositoryIdentifier: [RetentionSet]] {
    guard let all = try? await context.store.retentionSets() else { return [:] }
    let now = context.now()
    var newest: [VPGIdentifier: RetentionSet] = [:]
    for set in all where !set.isDoomed {
      if let other = newest[set.vpg], other.made >= set.made { continue }
      newest[set.vpg] = set
    }
    let due = all.filter { set in
      let isOld = set.expires.map { $0 <= now } ?? false
      return set.isDoomed || isOld && newest[set.vpg]?.identifier != set.identifier
    }
    return Dictionary(grouping: due, by: \.repository)
  }

  private func isInUse(_ repository: RepositoryIdentifier) async -> Bool {
    do throws(SiteError) { try await recovery.refuseIfRetaining(in: repository) } catch {
      return true
    }
    return false
  }

  private func delete(
    _ sets: [RetentionSet],
    from repository: RepositoryIdentifier
  ) async throws(SiteError) {
    // A copy that begins from now on waits; one that is under way goes first.
    await gate.shut(repository)
    do throws(SiteError) {
      guard await !isInUse(repository) else { return await gate.open(repository) }
      let archive = try await RepositoryBook(context: context).opened(repository)
      guard let settings = context.appliances.all.first else {
        return await gate.open(repository)
      }
      let appliance = try context.appliances.client(for: settings.identifier)
      // What is due by its age is no set any more from here on.
      for var set in sets where !set.isDoomed {
        set.isDoomed = true
        try await RepositoryBook(context: context).save(set)
      }
      var snapshots: [String] = []
      for set in sets {
        snapshots += try await appliance.archivedDisks(
          SnapshotListRequest(repository: archive, tags: [set.tag])
        ).map(\.snapshot)
      }
      try await appliance.forget(ForgetRequest(repository: archive, snapshots: snapshots))
      for set in sets {
        do { try await context.store.removeRetentionSet(set.identifier) } catch {
          throw SiteError(error)
        }
      }
      await RepositoryBook(context: context).measure(repository, by: appliance)
    } catch {
      await gate.open(repository)
      throw error
    }
    await gate.open(repository)
  }
}
