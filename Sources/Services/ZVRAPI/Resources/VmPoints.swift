// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// What a VM can be restored to: part of `/v1/vms`.
enum VmPoints {
  private static let vm = "vms/{vmIdentifier}"

  static var reading: [Route] {
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

  static var restoring: [Route] {
    [
      Route(
        .post,
        "\(vm)/Restore",
        "Brings one VM back to a checkpoint where it is protected; its VPG stays.",
        body: #"{"VpgIdentifier": "…", "CheckpointIdentifier": "1732370400000", "#
          + #""CommitPolicy": 2, "ShutdownPolicy": 1}"#,
        answer: restore
      ),
      Route(
        .post,
        "\(vm)/RestoreCommit",
        "Has a restored VM stay as it is; the body is its VPG.",
        body: #""6b1f2c0e-0000-4000-8000-00000000000a""#
      ) { call in try await end(call) { .restoreCommit($0) } },
      Route(
        .post,
        "\(vm)/RestoreRollback",
        "Has a restored VM be as it was before; the body is its VPG.",
        body: #""6b1f2c0e-0000-4000-8000-00000000000a""#
      ) { call in try await end(call) { .restoreRollback($0) } },
    ]
  }

  private static func restore(_ call: APICall) async throws -> APIResponse {
    let body = call.body
    let view = try await call.protectedVM(
      call.parameter("vmIdentifier"),
      vpg: try body.text("VpgIdentifier")
    )
    let commits = try body.number("CommitPolicy", of: APIEnumerations.commitPolicy)
    let shutdown = try body.number("ShutdownPolicy", of: APIEnumerations.shutdownPolicy)
    let wait = try body.integer("TimeToWaitBeforeContinueInSeconds") ?? 0
    guard (0...86_400).contains(wait) else {
      throw APIError.invalid("TimeToWaitBeforeContinueInSeconds must be from 0 to 86400")
    }
    let vpg = view.vpg.definition.identifier
    try checkPlace(body, view)
    let checkpoint = try body.text("CheckpointIdentifier")
    try await call.checkCheckpoint(checkpoint, of: vpg)
    let wish = VPGOperation.Restore(
      vm: view.vm.identifier,
      checkpoint: checkpoint.flatMap(CheckpointIdentifier.init(text:)),
      shutdownPolicy: shutdown.flatMap(VPGOperation.ShutdownPolicy.init(rawValue:)) ?? .none,
      commitPolicy: commits.flatMap(VPGOperation.CommitPolicy.init(rawValue:)) ?? .none,
      commitDelayInSeconds: wait
    )
    return .text(try await call.site.perform(.restore(wish), on: vpg, user: call.user).rawValue)
  }

  /// The VM is restored where it is, under its name: wishes for another place are refused.
  private static func checkPlace(_ body: APIObject, _ view: ProtectedVMView) throws {
    let name = try body.text("RestoredVmName") ?? ""
    guard name.isEmpty || name == view.vm.name else {
      throw APIError.invalid(
        "RestoredVmName must be the VM's own name: the VM itself is restored; a clone makes another"
      )
    }
    let settings = body.object("JournalVMRestoreSettings")
    let hasDatastore = try settings.text("DatastoreIdentifier").map { !$0.isEmpty } ?? false
    guard !hasDatastore, settings["Nics"]?.items?.isEmpty ?? true,
      settings["Volumes"]?.items?.isEmpty ?? true
    else {
      throw APIError.invalid(
        "JournalVMRestoreSettings must be left out: the VM keeps its disks' places and its cards"
      )
    }
  }

  private static func end(
    _ call: APICall,
    _ operation: (VMIdentifier) -> VPGOperation
  ) async throws -> APIResponse {
    let view = try await call.protectedVM(
      call.parameter("vmIdentifier"),
      vpg: try call.body.text("", "VpgIdentifier")
    )
    let task = try await call.site.perform(
      operation(view.vm.identifier),
      on: view.vpg.definition.identifier,
      user: call.user
    )
    return .text(task.rawValue)
  }
}
