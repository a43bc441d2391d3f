// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel

/// A repository with one set of the VPG.
extension FakeSite {
  static let repository = RepositoryIdentifier("6b1f2c0e-0000-4000-8000-0000000000b1")
  static let retentionSet = RetentionSetIdentifier("6b1f2c0e-0000-4000-8000-0000000000b2")
  static let retentionTask = TaskIdentifier("6b1f2c0e-0000-4000-8000-0000000000b3")

  static func makeRepository(_ name: String = "archive") -> RetentionRepository {
    RetentionRepository(
      identifier: repository,
      name: name,
      place: .folder(path: "/srv/archive"),
      isDefault: true,
      mark: "mark",
      size: .init(used: 3 << 30, capacity: 10 << 30, free: 7 << 30),
      lock: .until(WallTime(milliseconds: 4_000_000_000_000)),
      sealedSecrets: "sealed"
    )
  }

  func repositories() -> [RetentionRepository] { [Self.makeRepository()] }

  func addRepository(_ wish: RepositoryWish, user: String) { repositoryWishes.append(wish) }

  func changeRepository(
    _ identifier: RepositoryIdentifier,
    _ wish: RepositoryWish,
    user: String
  ) { repositoryWishes.append(wish) }

  func removeRepository(_ identifier: RepositoryIdentifier, user: String) {
    removed.append(identifier.rawValue)
  }

  func retentionSets() -> [RetentionSet] {
    [
      RetentionSet(
        identifier: Self.retentionSet,
        vpg: Self.vpg,
        vpgName: "web",
        zorg: nil,
        repository: Self.repository,
        checkpoint: Self.checkpoints[0],
        made: Self.time,
        expires: nil,
        isDoomed: false,
        machines: definition.vms.map { vm in
          RetentionSet.Machine(
            vm: vm.identifier,
            name: vm.name,
            hardware: vm.hardware,
            blueprint: nil,
            host: Self.host,
            networks: [nil],
            disks: vm.volumes.map { volume in
              RetentionSet.Disk(
                volume: volume.identifier,
                target: volume.target,
                byteCount: volume.byteCount,
                datastore: nil,
                snapshot: "s",
                addedByteCount: 4096
              )
            }
          )
        }
      )
    ]
  }

  func retentionHealth() -> [VPGIdentifier: RetentionHealth] {
    guard let policy = definition.retention else { return [:] }
    var standing = RetentionStanding(policy, at: Self.time)
    standing.kept(Self.retentionSet, at: Self.time)
    return [Self.vpg: RetentionHealth(standing: standing, isCopying: true, isAtRest: true)]
  }

  func abortRestore(
    _ task: TaskIdentifier,
    user: String
  ) throws(SiteError) -> TaskIdentifier {
    guard task == Self.retentionTask else { throw .notFound("There is no restore.") }
    removed.append("restore \(task)")
    return Self.task
  }

  func deleteRetentionSets(
    _ sets: [RetentionSetIdentifier],
    user: String
  ) throws(SiteError) {
    for set in sets where set != Self.retentionSet {
      throw .notFound("There is no retention set \(set).")
    }
    removed += sets.map(\.rawValue)
  }

  func restore(_ wish: RestoreWish, user: String) throws(SiteError) -> TaskIdentifier {
    guard wish.set == Self.retentionSet else {
      throw .notFound("There is no retention set \(wish.set).")
    }
    restoreWishes.append(wish)
    return Self.retentionTask
  }
}
