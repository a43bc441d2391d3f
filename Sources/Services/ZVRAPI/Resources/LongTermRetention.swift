// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/ltr`: long-term retention: there are no repositories and no retention sets.
enum LongTermRetention: Resource {
  static let root = "ltr"
  static let interface = "ILtrService"

  static var routes: [Route] { catalogue + repositories + actions.changesNeed(.recover) }

  private static let vm = "ltr/catalog/vms/{vmIdentifier}/retentionsets"

  private static var catalogue: [Route] {
    [
      Route(.get, "ltr/catalog/fullretentionsets", "Full retention sets: there are none.") { _ in
        .value(
          .object(
            "RetentionSetsInfoApi",
            ["RetentionSets": .list([], element: "RetentionSetInfoApi")]
          )
        )
      },
      Route(
        .get,
        "ltr/catalog/fullretentionsets/{retentionSetIdentifier}/incrementals",
        "Incremental sets of a full one.",
        answer: unknownSet
      ),
      Route(.get, "ltr/catalog/vms", "VMs with retention sets: there are none.") { _ in
        .value(.object("RecoverableVmsApi", ["Vms": .list([], element: "RecoverableVmApi")]))
      },
      Route(.get, vm, "Retention sets of a VM: there are none.") { call in
        let name = call.parameter("vmIdentifier")
        guard try await !call.site.protectedVMs(VMIdentifier(name)).isEmpty else {
          throw APIError.notFound("no VPG has the VM \(name)")
        }
        return .value(
          .object(
            "RetentionSetsApi",
            [
              "RetentionSets": .list([], element: "RetentionSetApi"),
              "LtrVmIdentifier": .string(name),
            ]
          )
        )
      },
      Route(
        .get,
        "\(vm)/{retentionSetIdentifier}/settings",
        "Settings of a VM in a retention set.",
        answer: unknownSet
      ),
      Route(.get, "ltr/health/vpgs", "VPGs with long-term retention: there are none.") { _ in
        .value(.object("VpgsLtrHealthApi", ["Vpgs": .list([], element: "VpgLtrHealthApi")]))
      },
    ]
  }

  private static var repositories: [Route] {
    [
      Route(.get, "ltr/repositories", "Repositories: there are none.") { _ in
        .list([], of: "RepositoriesSettingsApi")
      },
      Route(
        .post,
        "ltr/repositories",
        "Would add a repository; not available.",
        body: #"{"RepositoryName": "archive", "StorageType": 0, "ConnectionType": 0}"#
      ) { call in
        guard let name = try call.body.text("RepositoryName"), !name.isEmpty else {
          throw APIError.invalid("RepositoryName is missing")
        }
        throw APIError.notAvailable("long-term retention")
      },
      Route(.get, repository, "One repository.", answer: unknownRepository),
      Route(.put, repository, "Changes a repository.", body: "{}", answer: unknownRepository),
      Route(.delete, repository, "Removes a repository.", answer: unknownRepository),
    ]
  }

  private static let repository = "ltr/repositories/{repositoryIdentifier}"

  private static var actions: [Route] {
    [
      Route(
        .post,
        "ltr/restore/vm",
        "Restores a VM from a retention set.",
        body: #"{"RetentionSetIdentifier": "…", "VmIdentifier": "…"}"#
      ) { call in
        guard let set = try call.body.text("RetentionSetIdentifier"), !set.isEmpty else {
          throw APIError.invalid("RetentionSetIdentifier is missing")
        }
        throw APIError.notFound("there is no retention set \(set)")
      },
      Route(
        .post,
        "ltr/catalog/deleteretentionsets",
        "Deletes retention sets.",
        body: #"{"RetentionSetsToDelete": [{"FullRetentionSetIdentifier": "…"}]}"#
      ) { call in
        for item in call.body["RetentionSetsToDelete"]?.items ?? [] {
          guard let set = try item.object?.text("FullRetentionSetIdentifier"), !set.isEmpty else {
            throw APIError.invalid("RetentionSetsToDelete has an entry without an identifier")
          }
          throw APIError.notFound("there is no retention set \(set)")
        }
        throw APIError.invalid("RetentionSetsToDelete is missing")
      },
      Route(
        .post,
        "ltr/vpgs/{vpgIdentifier}/retentionstart",
        "Would copy a VPG to a repository; not available.",
        body: "{}"
      ) { call in
        let vpg = try await call.site.vpg(call.vpg).definition
        if let checkpoint = try call.body.text("CheckpointId", "CheckpointIdentifier"),
          !checkpoint.isEmpty
        {
          try await call.checkCheckpoint(checkpoint, of: vpg.identifier)
        }
        throw APIError.notAvailable("long-term retention")
      },
      Route(
        .post,
        "ltr/vpgs/{vpgIdentifier}/retentionabort",
        "Would end a copy to a repository: none runs."
      ) { call in
        let vpg = try await call.site.vpg(call.vpg).definition
        throw APIError.notAvailable(
          "long-term retention",
          "no copy of the VPG \(vpg.name) to a repository is running"
        )
      },
    ]
  }

  private static func unknownSet(_ call: APICall) async throws -> APIResponse {
    throw APIError.notFound(
      "there is no retention set \(call.parameter("retentionSetIdentifier"))"
    )
  }

  private static func unknownRepository(_ call: APICall) async throws -> APIResponse {
    throw APIError.notFound("there is no repository \(call.parameter("repositoryIdentifier"))")
  }
}
