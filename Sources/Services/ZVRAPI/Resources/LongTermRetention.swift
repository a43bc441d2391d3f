// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/ltr`: copies of checkpoints that are kept for years.
///
/// Each site answers for the repositories of its own, and for the sets in them.
enum LongTermRetention: Resource {
  static let root = "ltr"
  static let interface = "ILtrService"

  static var routes: [Route] {
    RetentionCatalogue.routes + repositories + actions.changesNeed(.recover)
  }

  // MARK: Repositories

  private static let repository = "ltr/repositories/{repositoryIdentifier}"

  private static var repositories: [Route] {
    [
      Route(.get, "ltr/repositories", "The site's repositories.") { call in
        let query = call.query
        return .list(
          try await call.site.repositories().filter { repository in
            query.matches("repositoryName", repository.name)
              && query.matches("connectionType", String(repository.place.number))
          }.map(APIValue.repository),
          of: "RepositoriesSettingsApi"
        )
      },
      Route(
        .post,
        "ltr/repositories",
        "Adds a repository: a folder or mount of every host with journals (Nfs), or S3. One is "
          + "made there, or taken up if EncryptionPassword is its password.",
        body: #"{"RepositoryName": "archive", "Nfs": {"Path": "/srv/archive"}}"#
      ) { call in
        try await call.site.addRepository(wish(call.body, changing: nil), user: call.user)
        return .empty
      },
      Route(.get, repository, "One repository.") { call in
        .value(.repository(try await found(call)))
      },
      Route(
        .put,
        repository,
        "Changes a repository's name, keys and whether it is the default.",
        body: "{}"
      ) { call in
        let old = try await found(call)
        try await call.site.changeRepository(
          old.identifier,
          wish(call.body, changing: old),
          user: call.user
        )
        return .empty
      },
      Route(.delete, repository, "Forgets a repository that has no sets.") { call in
        try await call.site.removeRepository(try await found(call).identifier, user: call.user)
        return .empty
      },
    ]
  }

  private static func found(_ call: APICall) async throws -> RetentionRepository {
    let name = call.parameter("repositoryIdentifier")
    let all = try await call.site.repositories()
    guard let found = all.first(where: { $0.identifier.rawValue.isSame(as: name) }) else {
      throw APIError.notFound("there is no repository \(name)")
    }
    return found
  }

  private static func wish(
    _ body: APIObject,
    changing old: RetentionRepository?
  ) throws(APIError) -> RepositoryWish {
    guard let name = try body.text("RepositoryName") ?? old?.name, !name.isEmpty else {
      throw .invalid("RepositoryName is missing")
    }
    for member in ["Smb", "Azure", "Catalyst"] where body[member]?.object != nil {
      throw .notAvailable(
        "a repository of the kind \(member)",
        "mount the share on every host and name the mount under Nfs"
      )
    }
    let s3 = body["S3"]?.object ?? body["S3-Compatible"]?.object
    guard let place = try place(body, s3) ?? old?.place else {
      throw .invalid("name a place: Nfs.Path, or S3 or S3-Compatible with its members")
    }
    let password = try body.text("EncryptionPassword")
    guard password?.isEmpty != true else {
      throw .invalid("EncryptionPassword is empty; leave it out to have one made")
    }
    return RepositoryWish(
      name: name,
      place: place,
      isDefault: try body.flag("DefaultRepository") ?? old?.isDefault ?? false,
      password: password,
      accessKey: try given(s3, "S3AccessKey"),
      secretKey: try given(s3, "S3SecretKey")
    )
  }

  private static func place(
    _ body: APIObject,
    _ s3: APIObject?
  ) throws(APIError) -> RetentionRepository.Place? {
    if let nfs = body["Nfs"]?.object {
      guard let path = try given(nfs, "Path"), path.hasPrefix("/"),
        !path.split(separator: "/").contains("..")
      else { throw .invalid("Nfs.Path is no absolute path") }
      let parts = path.split(separator: "/")
      return .folder(path: "/" + parts.joined(separator: "/"))
    }
    guard let s3 else { return nil }
    guard let bucket = try given(s3, "S3BucketName"), !bucket.contains("/") else {
      throw .invalid("S3BucketName is missing, or has a slash")
    }
    let region = try given(s3, "S3Region") ?? ""
    let usual =
      region.isEmpty ? "https://s3.amazonaws.com" : "https://s3.\(region).amazonaws.com"
    let endpoint = try given(s3, "S3EndpointUrl") ?? usual
    guard endpoint.hasPrefix("https://") || endpoint.hasPrefix("http://") else {
      throw .invalid("S3EndpointUrl must begin with https:// or http://")
    }
    let path = try given(s3, "Path") ?? ""
    return .s3(
      endpoint: endpoint.last == "/" ? String(endpoint.dropLast()) : endpoint,
      bucket: bucket,
      path: path.split(separator: "/").joined(separator: "/"),
      region: region
    )
  }

  private static func given(_ object: APIObject?, _ member: String) throws(APIError) -> String? {
    guard let text = try object?.text(member), !text.isEmpty else { return nil }
    return text
  }

  // MARK: Copies and restores

  private static var actions: [Route] {
    [
      Route(
        .post,
        "ltr/restore/vm",
        "Makes a new VM of a retention set, which is off. Answers a task.",
        body: #"{"RetentionSetIdentifier": "…", "VmIdentifier": "…"}"#,
        answer: restore
      ),
      Route(
        .post,
        "ltr/restore/{taskIdentifier}/abort",
        "Ends a restore, found by its task; nothing of it is left. Answers a task."
      ) { call in
        let task = try await call.site.abortRestore(
          TaskIdentifier(call.parameter("taskIdentifier").lowercased()),
          user: call.user
        )
        return .text(task.rawValue)
      },
      Route(
        .post,
        "ltr/vpgs/{vpgIdentifier}/retentionstart",
        "Copies a checkpoint, the latest if none is named, to a repository. Answers a task.",
        body: "{}"
      ) { call in
        let vpg = try await call.site.vpg(call.vpg).definition
        let text = try call.body.text("CheckpointId", "CheckpointIdentifier")
        try await call.checkCheckpoint(text, of: vpg.identifier)
        let checkpoint = text.flatMap { CheckpointIdentifier(text: $0) }
        return try await Vpgs.perform(.retain(checkpoint), call)
      },
      Route(
        .post,
        "ltr/vpgs/{vpgIdentifier}/retentionabort",
        "Ends a VPG's copy to a repository."
      ) { call in
        _ = try await Vpgs.perform(.retainAbort, call)
        return .empty
      },
    ]
  }

  private static func restore(_ call: APICall) async throws -> APIResponse {
    guard let set = try given(call.body, "RetentionSetIdentifier") else {
      throw APIError.invalid("RetentionSetIdentifier is missing")
    }
    guard let vm = try given(call.body, "VmIdentifier") else {
      throw APIError.invalid("VmIdentifier is missing")
    }
    let task = try await call.site.restore(
      RestoreWish(
        set: RetentionSetIdentifier(set.lowercased()),
        vm: VMIdentifier(vm),
        host: try given(call.body, "HostIdentifier").map { HostIdentifier($0) },
        datastore: try given(call.body, "DatastoreIdentifier").map { DatastoreIdentifier($0) }
      ),
      user: call.user
    )
    return .text(task.rawValue)
  }
}
