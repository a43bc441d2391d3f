// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
package import Identity
package import RecoveryModel
internal import Store

/// The site's repositories and the sets in them.
struct RepositoryBook: Sendable {
  let context: SiteContext

  func all() async throws(SiteError) -> [RetentionRepository] {
    do { return try await context.store.repositories() } catch { throw SiteError(error) }
  }

  func repository(_ identifier: RepositoryIdentifier) async throws(SiteError)
    -> RetentionRepository
  {
    guard let found = try await all().first(where: { $0.identifier == identifier }) else {
      throw .notFound("There is no repository \(identifier).")
    }
    return found
  }

  func sets() async throws(SiteError) -> [RetentionSet] {
    do { return try await context.store.retentionSets() } catch { throw SiteError(error) }
  }

  func save(_ set: RetentionSet) async throws(SiteError) {
    do { try await context.store.save(set) } catch { throw SiteError(error) }
  }

  /// What an appliance needs to work with a repository.
  func opened(_ identifier: RepositoryIdentifier) async throws(SiteError) -> ArchiveRepository {
    let repository = try await repository(identifier)
    return Self.opened(repository.place, try secrets(of: repository))
  }

  // MARK: Changing

  /// Every host that keeps journals must reach the same repository.
  func add(_ wish: RepositoryWish) async throws(SiteError) {
    let others = try await all()
    try check(wish, besides: others)
    guard !others.contains(where: { $0.place == wish.place }) else {
      throw .conflict("There is a repository at this place already.")
    }
    let secrets = RepositorySecrets(
      password: wish.password ?? SecretBox.newPassword(),
      accessKey: wish.accessKey,
      secretKey: wish.secretKey
    )
    let reply = try await find(wish.place, secrets, isNew: wish.password == nil)
    let identifier = RepositoryIdentifier(newGUID())
    try await save(
      RetentionRepository(
        identifier: identifier,
        name: wish.name,
        place: wish.place,
        isDefault: wish.isDefault || others.isEmpty,
        mark: reply.identifier,
        size: Self.size(reply),
        lock: reply.lock,
        sealedSecrets: try seal(secrets, of: identifier)
      ),
      besides: others
    )
  }

  func change(
    _ identifier: RepositoryIdentifier,
    _ wish: RepositoryWish
  ) async throws(SiteError) {
    var repository = try await repository(identifier)
    let others = try await all().filter { $0.identifier != identifier }
    try check(wish, besides: others)
    guard wish.place == repository.place else {
      throw .invalid("A repository stays where it is: add another one for another place.")
    }
    var secrets = try secrets(of: repository)
    if let password = wish.password { secrets.password = password }
    if let key = wish.accessKey { secrets.accessKey = key }
    if let key = wish.secretKey { secrets.secretKey = key }
    let reply = try await find(repository.place, secrets, isNew: false)
    guard reply.identifier == repository.mark else {
      throw .conflict("Another repository is at this place now.")
    }
    repository.name = wish.name
    repository.isDefault = wish.isDefault || others.isEmpty
    repository.size = Self.size(reply)
    repository.lock = reply.lock
    repository.sealedSecrets = try seal(secrets, of: identifier)
    try await save(repository, besides: others)
  }

  func remove(_ identifier: RepositoryIdentifier) async throws(SiteError) {
    let repository = try await repository(identifier)
    guard try await !sets().contains(where: { $0.repository == identifier }) else {
      throw .conflict(
        "The repository \(repository.name) has retention sets: delete them first, and wait until "
          + "they are gone."
      )
    }
    do { try await context.store.removeRepository(identifier) } catch { throw SiteError(error) }
  }

  /// Notes how large a repository is, and how it is locked; what goes wrong is no matter.
  func measure(_ identifier: RepositoryIdentifier, by appliance: any ApplianceControl) async {
    guard var repository = try? await repository(identifier),
      let archive = try? await opened(identifier),
      let reply = try? await appliance.check(RepositoryRequest(repository: archive, isNew: false))
    else { return }
    repository.size = Self.size(reply)
    repository.lock = reply.lock
    try? await context.store.save(repository)
  }

  // MARK: Parts

  private func check(
    _ wish: RepositoryWish,
    besides others: [RetentionRepository]
  ) throws(SiteError) {
    guard !wish.name.allSatisfy(\.isWhitespace) else {
      throw .invalid("The repository has no name.")
    }
    guard !others.contains(where: { $0.name == wish.name }) else {
      throw .conflict("There is a repository named \(wish.name) already.")
    }
  }

  /// Makes the repository through one appliance, if it is new, and finds it through the others.
  private func find(
    _ place: RetentionRepository.Place,
    _ secrets: RepositorySecrets,
    isNew: Bool
  ) async throws(SiteError) -> RepositoryReply {
    let archive = Self.opened(place, secrets)
    var first: RepositoryReply?
    for settings in context.appliances.all {
      let appliance = try context.appliances.client(for: settings.identifier)
      let reply = try await appliance.check(
        RepositoryRequest(repository: archive, isNew: isNew && first == nil)
      )
      if let first, first.identifier != reply.identifier {
        throw .conflict(
          "The host of appliance \(settings.identifier) has another repository at "
            + "\(archive.location): every host must have the same one mounted there."
        )
      }
      first = first ?? reply
    }
    guard let first else { throw .conflict("This site has no appliance.") }
    return first
  }

  /// There is one default at most.
  private func save(
    _ repository: RetentionRepository,
    besides others: [RetentionRepository]
  ) async throws(SiteError) {
    do {
      for var other in others where repository.isDefault && other.isDefault {
        other.isDefault = false
        try await context.store.save(other)
      }
      try await context.store.save(repository)
    } catch { throw SiteError(error) }
  }

  private static func opened(
    _ place: RetentionRepository.Place,
    _ secrets: RepositorySecrets
  ) -> ArchiveRepository {
    switch place {
    case .folder(let path): ArchiveRepository(location: path, password: secrets.password)
    case .s3(let endpoint, let bucket, let path, let region):
      ArchiveRepository(
        location: "s3:" + [endpoint, bucket, path].filter { !$0.isEmpty }.joined(separator: "/"),
        password: secrets.password,
        accessKey: ArchiveRepository.AccessKey(
          identifier: secrets.accessKey ?? "",
          secret: secrets.secretKey ?? "",
          region: region
        )
      )
    }
  }

  private static func size(_ reply: RepositoryReply) -> RetentionRepository.Size {
    RetentionRepository.Size(
      used: reply.usedByteCount,
      capacity: reply.capacityByteCount,
      free: reply.freeByteCount
    )
  }

  private func secrets(of repository: RetentionRepository) throws(SiteError) -> RepositorySecrets {
    guard let box = context.secrets else { throw .failed("This manager keeps no secrets.") }
    return try RepositorySecrets.open(repository, with: box)
  }

  private func seal(
    _ secrets: RepositorySecrets,
    of identifier: RepositoryIdentifier
  ) throws(SiteError) -> String {
    guard let box = context.secrets else { throw .failed("This manager keeps no secrets.") }
    do {
      let text = String(decoding: try JSONEncoder().encode(secrets), as: UTF8.self)
      return try box.seal(text, for: identifier.rawValue)
    } catch { throw .failed("The repository's secrets cannot be kept: \(error)") }
  }
}

extension RepositorySecrets {
  /// What opens a repository, as its manager's box has it.
  package static func open(
    _ repository: RetentionRepository,
    with box: SecretBox
  ) throws(SiteError) -> RepositorySecrets {
    do {
      let text = try box.open(repository.sealedSecrets, for: repository.identifier.rawValue)
      return try JSONDecoder().decode(RepositorySecrets.self, from: Data(text.utf8))
    } catch {
      throw .failed("What opens the repository \(repository.name) cannot be read: \(error)")
    }
  }
}
