// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Store

/// Copies for years: at the recovery site, which has the journals.
package protocol LongTermRetaining: Sendable {
  /// The site's repositories, by name.
  func repositories() async throws(SiteError) -> [RetentionRepository]
  /// Makes a repository, or takes one up that is there and has the wish's password.
  func addRepository(_ wish: RepositoryWish, user: String) async throws(SiteError)
  /// Changes a repository's name, its being the default, or what opens its place.
  func changeRepository(
    _ identifier: RepositoryIdentifier,
    _ wish: RepositoryWish,
    user: String
  ) async throws(SiteError)
  /// Forgets a repository that has no sets; what is in it stays as it is.
  func removeRepository(
    _ identifier: RepositoryIdentifier,
    user: String
  ) async throws(SiteError)

  /// The site's sets, newest first.
  func retentionSets() async throws(SiteError) -> [RetentionSet]
  /// Deletes sets: at once for who asks, and in the repository as soon as that is possible.
  func deleteRetentionSets(
    _ sets: [RetentionSetIdentifier],
    user: String
  ) async throws(SiteError)
  /// How the scheduled copies are of the VPGs that this site recovers and that have a policy.
  func retentionHealth() async -> [VPGIdentifier: RetentionHealth]
  /// Makes a new VM of a set, which is off.
  func restore(_ wish: RestoreWish, user: String) async throws(SiteError) -> TaskIdentifier
  /// Has a restore undone, which is found by its task; answers a task of its own.
  func abortRestore(
    _ task: TaskIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier
}

/// How the scheduled copies of a VPG are.
package struct RetentionHealth: Sendable, Equatable {
  /// Nil until the schedule was looked at first.
  package var standing: RetentionStanding?
  package var isCopying: Bool
  /// Whether the VPG is protected, and neither tested nor recovered.
  package var isAtRest: Bool

  package init(standing: RetentionStanding?, isCopying: Bool, isAtRest: Bool) {
    self.standing = standing
    self.isCopying = isCopying
    self.isAtRest = isAtRest
  }
}

/// What a repository is to be.
package struct RepositoryWish: Sendable, Equatable {
  package var name: String
  package var place: RetentionRepository.Place
  package var isDefault: Bool
  /// nil has one made, or leaves what there is.
  package var password: String?
  package var accessKey: String?
  package var secretKey: String?

  package init(
    name: String,
    place: RetentionRepository.Place,
    isDefault: Bool = false,
    password: String? = nil,
    accessKey: String? = nil,
    secretKey: String? = nil
  ) {
    self.name = name
    self.place = place
    self.isDefault = isDefault
    self.password = password
    self.accessKey = accessKey
    self.secretKey = secretKey
  }
}

/// Which VM is to be made anew, and where.
package struct RestoreWish: Sendable, Equatable {
  package var set: RetentionSetIdentifier
  package var vm: VMIdentifier
  /// nil is where a failover would have put it.
  package var host: HostIdentifier?
  package var datastore: DatastoreIdentifier?

  package init(
    set: RetentionSetIdentifier,
    vm: VMIdentifier,
    host: HostIdentifier? = nil,
    datastore: DatastoreIdentifier? = nil
  ) {
    self.set = set
    self.vm = vm
    self.host = host
    self.datastore = datastore
  }
}

extension Site: LongTermRetaining {
  private var book: RepositoryBook { RepositoryBook(context: context) }

  package func repositories() async throws(SiteError) -> [RetentionRepository] {
    try await book.all().sorted { ($0.name, $0.identifier) < ($1.name, $1.identifier) }
  }

  package func addRepository(_ wish: RepositoryWish, user: String) async throws(SiteError) {
    try await book.add(wish)
  }

  package func changeRepository(
    _ identifier: RepositoryIdentifier,
    _ wish: RepositoryWish,
    user: String
  ) async throws(SiteError) {
    try await book.change(identifier, wish)
  }

  package func removeRepository(
    _ identifier: RepositoryIdentifier,
    user: String
  ) async throws(SiteError) {
    try await recovery.refuseIfRetaining(in: identifier)
    for record in await context.vpgs.all()
    where record.definition.recoverySite == context.site
      && record.definition.retention?.repository == identifier
      && record.definition.retention?.isEnabled == true
    {
      throw .conflict(
        "Copies of the VPG \(record.definition.name) go to this repository: change its policy "
          + "first."
      )
    }
    try await book.remove(identifier)
  }

  package func retentionSets() async throws(SiteError) -> [RetentionSet] {
    try await book.sets().filter { !$0.isDoomed }.sorted { $0.made > $1.made }
  }

  package func deleteRetentionSets(
    _ sets: [RetentionSetIdentifier],
    user: String
  ) async throws(SiteError) {
    let all = try await book.sets().filter { !$0.isDoomed }
    var doomed: [RetentionSet] = []
    for identifier in sets {
      guard let set = all.first(where: { $0.identifier == identifier }) else {
        throw .notFound("There is no retention set \(identifier).")
      }
      doomed.append(set)
    }
    for var set in doomed {
      set.isDoomed = true
      try await book.save(set)
      await context.events.record(
        .retain,
        "The retention set of the VPG \(set.vpgName) as of checkpoint "
          + "\(set.checkpoint.identifier) was deleted.",
        user: user,
        vpgs: [set.vpg]
      )
    }
  }

  package func retentionHealth() async -> [VPGIdentifier: RetentionHealth] {
    var health: [VPGIdentifier: RetentionHealth] = [:]
    for record in await context.vpgs.all()
    where record.definition.recoverySite == context.site && record.definition.retention != nil {
      let vpg = record.definition.identifier
      health[vpg] = RetentionHealth(
        standing: record.retention,
        isCopying: await recovery.isRetaining(vpg),
        isAtRest: await recovery.progress(of: vpg) == nil && record.phase == .protecting
      )
    }
    return health
  }

  package func abortRestore(
    _ task: TaskIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await recovery.abortRestore(task, user: user)
  }

  package func restore(
    _ wish: RestoreWish,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await recovery.restore(wish, user: user)
  }
}
