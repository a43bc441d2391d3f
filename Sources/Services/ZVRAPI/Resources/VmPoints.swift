// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// What a VM can be restored to: part of `/v1/vms`.
enum VmPoints {
  private static let vm = "vms/{vmIdentifier}"

  static var routes: [Route] { reading + restoring }

  private static var reading: [Route] {
    [
      Route(.get, "\(vm)/pointsInTime", "The VM's points in time, oldest first.") { call in
        let view = try await view(call)
        let points = try await call.site.checkpoints(
          of: view.vpg.definition.identifier,
          from: try call.query.date("startDate"),
          to: try call.query.date("endDate")
        )
        let isRecoverySite = await isRecoverySite(view, call)
        return .list(
          points.map { .pointInTime($0, isRecoverySite: isRecoverySite) },
          of: "PointInTimeApi"
        )
      },
      Route(.get, "\(vm)/pointsInTime/stats", "The oldest and the newest point.") { call in
        let view = try await view(call)
        let points = try await call.site.checkpoints(
          of: view.vpg.definition.identifier,
          from: nil,
          to: nil
        )
        let isRecoverySite = await isRecoverySite(view, call)
        return .value(
          .object(
            "PointInTimeStatsApi",
            [
              "Earliest": points.min { $0.identifier < $1.identifier }
                .map { .pointInTime($0, isRecoverySite: isRecoverySite) } ?? .null,
              "Latest": points.max { $0.identifier < $1.identifier }
                .map { .pointInTime($0, isRecoverySite: isRecoverySite) } ?? .null,
            ]
          )
        )
      },
    ]
  }

  private static func view(_ call: APICall) async throws -> ProtectedVMView {
    try await call.protectedVM(
      call.parameter("vmIdentifier"),
      vpg: call.query.text("vpgIdentifier")
    )
  }

  private static func isRecoverySite(_ view: ProtectedVMView, _ call: APICall) async -> Bool {
    view.vpg.definition.recoverySite == (await call.site.localSite().identifier)
  }

  private static var restoring: [Route] {
    [
      Route(
        .post,
        "\(vm)/Restore",
        "Would restore a single VM; not available: fail over its VPG.",
        body: #"{"VpgIdentifier": "…", "CheckpointIdentifier": "1732370400000", "#
          + #""CommitPolicy": 2, "ShutdownPolicy": 0}"#,
        answer: restore
      ),
      Route(
        .post,
        "\(vm)/RestoreCommit",
        "Would end a restore: none runs.",
        body: #""6b1f2c0e-0000-4000-8000-00000000000a""#,
        answer: end
      ),
      Route(
        .post,
        "\(vm)/RestoreRollback",
        "Would undo a restore: none runs.",
        body: #""6b1f2c0e-0000-4000-8000-00000000000a""#,
        answer: end
      ),
    ]
  }

  private static func restore(_ call: APICall) async throws -> APIResponse {
    let body = call.body
    let view = try await call.protectedVM(
      call.parameter("vmIdentifier"),
      vpg: try body.text("VpgIdentifier")
    )
    _ = try body.number("CommitPolicy", of: APIEnumerations.commitPolicy)
    _ = try body.number("ShutdownPolicy", of: APIEnumerations.shutdownPolicy)
    let wait = try body.integer("TimeToWaitBeforeContinueInSeconds") ?? 0
    guard (0...86_400).contains(wait) else {
      throw APIError.invalid("TimeToWaitBeforeContinueInSeconds must be from 0 to 86400")
    }
    let definition = view.vpg.definition
    try await call.checkCheckpoint(try body.text("CheckpointIdentifier"), of: definition.identifier)
    let inventory = try await call.site.inventory(of: definition.recoverySite)
    let settings = body.object("JournalVMRestoreSettings")
    if let datastore = try settings.text("DatastoreIdentifier"), !datastore.isEmpty,
      !inventory.datastores.contains(where: { $0.identifier.rawValue == datastore })
    {
      throw APIError.notFound("the recovery site has no datastore \(datastore)")
    }
    for nic in settings["Nics"]?.items ?? [] {
      let name = try nic.object?.text("NicIdentifier") ?? ""
      guard view.vm.nics.contains(where: { $0.identifier.rawValue == name }) else {
        throw APIError.notFound("the VM has no network card \(name)")
      }
    }
    for volume in settings["Volumes"]?.items ?? [] {
      let name = try volume.object?.text("VolumeIdentifier") ?? ""
      guard view.vm.volumes.contains(where: { $0.identifier.rawValue == name }) else {
        throw APIError.notFound("the VM has no disk \(name)")
      }
    }
    throw APIError.notAvailable("restoring a single VM from the journal")
  }

  private static func end(_ call: APICall) async throws -> APIResponse {
    let view = try await call.protectedVM(
      call.parameter("vmIdentifier"),
      vpg: try call.body.text("", "VpgIdentifier")
    )
    throw APIError.notAvailable(
      "restoring a single VM from the journal",
      "no restore of \(view.vm.name) is running"
    )
  }
}
