// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/vpgs`: virtual protection groups, their checkpoints and recovery.
enum Vpgs: Resource {
  static let root = "vpgs"
  static let interface = "IVpgService"

  static let vpg = "vpgs/{vpgIdentifier}"

  static var routes: [Route] {
    listings.confined(.harmless) + all.confined(.byAnswer) + reading.confined(.byVPG)
      + tests.changesNeed(.test).confined(.byVPG)
      + (recovery + moves + splitBrain + VpgClones.routes + PointSearchCalls.routes)
      .changesNeed(.recover)
      + (others + quiescing).changesNeed(.protect)
  }

  private static var listings: [Route] {
    [
      Route(.get, "vpgs/statuses", "The statuses of VPGs, by number.") { _ in
        .value(APIEnumerations.vpgStatus.listing)
      },
      Route(.get, "vpgs/substatuses", "The substatuses of VPGs, by number.") { _ in
        .value(APIEnumerations.vpgSubstatus.listing)
      },
      Route(.get, "vpgs/priorities", "The priorities, by number.") { _ in
        .value(APIEnumerations.vpgPriority.listing)
      },
      Route(.get, "vpgs/entitytypes", "The kinds of a VPG's sides, by number.") { _ in
        .value(APIEnumerations.vpgEntityType.listing)
      },
      Route(.get, "vpgs/failovercommitpolicies", "What ends a failover, by number.") { _ in
        .value(APIEnumerations.commitPolicy.listing)
      },
      Route(
        .get,
        "vpgs/failovershutdownpolicies",
        "What happens to the protected VMs in a failover, by number."
      ) { _ in
        .value(APIEnumerations.shutdownPolicy.listing)
      },
      Route(.get, "vpgs/retentionpolicies", "Retention policies: there are none.") { _ in
        .value(APIEnumerations.failoverRetentionPolicy.listing)
      },
    ]
  }

  private static var all: [Route] {
    [
      Route(.get, "vpgs", "The VPGs.") { call in
        let filter = try VPGFilter(
          call.query,
          name: call.query.text("name", "vpgName"),
          sites: try await call.site.names().sites
        )
        let views = try await call.site.vpgs { filter.matches($0) && call.sees($0) }
          .keeping(filter.matches)
        return call.service.texts.vpgs(views, call.links())
      }
    ]
  }

  private static var reading: [Route] {
    [
      Route(.get, vpg, "One VPG.") { call in
        .value(.vpg(try await call.site.vpg(call.vpg), call.links()))
      },
      Route(
        .get,
        "\(vpg)/exposure",
        "What would be lost if the protected site were gone now. Not in Zerto's API."
      ) { call in
        .value(.exposure(try await call.site.exposure(of: call.vpg)))
      },
      Route(.get, "\(vpg)/checkpoints", "The VPG's checkpoints, oldest first.") { call in
        let checkpoints = try await call.site.checkpoints(
          of: call.vpg,
          from: try call.query.date("startDate"),
          to: try call.query.date("endDate")
        )
        return .list(checkpoints.map(APIValue.checkpoint), of: "CheckpointApi")
      },
      Route(.get, "\(vpg)/checkpoints/stats", "The oldest and the newest.", answer: stats),
      Route(.get, "\(vpg)/checkpoints/summary", "The same, as it was once called.", answer: stats),
    ]
  }

  private static func stats(_ call: APICall) async throws -> APIResponse {
    let checkpoints = try await call.site.checkpoints(of: call.vpg, from: nil, to: nil)
    return .value(
      .checkpointStats(
        earliest: checkpoints.min { $0.identifier < $1.identifier },
        latest: checkpoints.max { $0.identifier < $1.identifier }
      )
    )
  }

  private static var tests: [Route] {
    [
      Route(
        .post,
        "\(vpg)/FailoverTest",
        "Starts the VMs at the recovery site, in the test networks. Answers a task.",
        body: #"{"CheckpointIdentifier": "1732370400000", "VmIdentifiers": []}"#
      ) { call in
        try await perform(
          .failoverTest(.init(checkpoint: try checkpoint(call), vms: try vms(call))),
          call
        )
      },
      Route(
        .post,
        "\(vpg)/FailoverTestStop",
        "Ends the test, or that of the VMs named: it goes on for the others. Answers a task.",
        body: #"{"FailoverTestSuccess": true, "FailoverTestSummary": "…", "VmIdentifiers": []}"#
      ) { call in
        let vms = try vms(call)
        let succeeded = try call.body.flag("FailoverTestSuccess") ?? true
        let summary = try call.body.text("FailoverTestSummary") ?? ""
        return try await perform(
          vms.isEmpty
            ? .failoverTestStop(succeeded: succeeded, summary: summary)
            : .failoverTestLeave(vms: vms, succeeded: succeeded, summary: summary),
          call
        )
      },
    ]
  }

  private static var recovery: [Route] {
    [
      Route(
        .post,
        "\(vpg)/Failover",
        "Fails over to a checkpoint: all VMs, or those named; others stay protected, in a new "
          + "VPG. Answers a task.",
        body: #"{"CheckpointIdentifier": "1732370400000", "CommitPolicy": 2, "#
          + #""TimeToWaitBeforeShutdownInSec": 0, "ShutdownPolicy": 0, "#
          + #""IsReverseProtection": false, "VmIdentifiers": []}"#,
        answer: failover
      ),
      Route(
        .post,
        "\(vpg)/FailoverCommit",
        "Makes a failover final. Answers a task.",
        body: #"{"IsReverseProtection": false}"#
      ) { call in
        let reverse = try call.body.flag("IsReverseProtection", "ReverseProtection")
        return try await perform(.failoverCommit(reverseProtection: reverse), call)
      },
      Route(
        .post,
        "\(vpg)/FailoverRollback",
        "Undoes a failover. Answers a task.",
        body: "{}"
      ) { call in
        try await perform(.failoverRollback, call)
      },
    ]
  }

  private static var others: [Route] {
    [
      Route(
        .post,
        "vpgs",
        "Makes a VPG in one call, as old clients do. Answers a task.",
        body: VPGCreation.sample,
        answer: VPGCreation.answer
      ),
      Route(
        .post,
        "\(vpg)/checkpoints",
        "Inserts a tagged checkpoint. Answers a task.",
        body: #"{"CheckpointName": "before the upgrade"}"#
      ) { call in
        try await perform(.insertCheckpoint(tag: try tag(call)), call)
      },
      Route(.post, "\(vpg)/pause", "Pauses replication. Answers a task.", body: "{}") { call in
        try await perform(.pause, call)
      },
      Route(.post, "\(vpg)/resume", "Resumes replication. Answers a task.", body: "{}") { call in
        try await perform(.resume, call)
      },
      Route(
        .post,
        "\(vpg)/forcesync",
        "Compares both sides and mends the replica. Answers a task.",
        body: "{}"
      ) { call in
        try await perform(.forceSync, call)
      },
      Route(
        .delete,
        vpg,
        "Deletes the VPG. Answers a task.",
        body: #"{"KeepRecoveryVolumes": true, "Force": false}"#
      ) { call in
        try await perform(
          .delete(
            keepsRecoveryVolumes: try call.body.flag("KeepRecoveryVolumes") ?? true,
            force: try call.body.flag("Force") ?? false
          ),
          call
        )
      },
    ]
  }

  private static func failover(_ call: APICall) async throws -> APIResponse {
    let body = call.body
    let commit = try body.number("CommitPolicy", of: APIEnumerations.commitPolicy)
    let shutdown = try body.number("ShutdownPolicy", of: APIEnumerations.shutdownPolicy)
    let wait = try body.integer("TimeToWaitBeforeShutdownInSec") ?? 0
    guard (0...86_400).contains(wait) else {
      throw APIError.invalid("TimeToWaitBeforeShutdownInSec must be from 0 to 86400")
    }
    return try await perform(
      .failover(
        VPGOperation.Failover(
          checkpoint: try checkpoint(call),
          vms: try vms(call),
          commitPolicy: commit.flatMap(VPGOperation.CommitPolicy.init(rawValue:)) ?? .none,
          commitDelayInSeconds: wait,
          shutdownPolicy: shutdown.flatMap(VPGOperation.ShutdownPolicy.init(rawValue:)) ?? .none,
          reverseProtection: try body.flag("IsReverseProtection", "ReverseProtection") ?? false
        )
      ),
      call
    )
  }

  static func perform(
    _ operation: VPGOperation,
    _ call: APICall
  ) async throws -> APIResponse {
    let task = try await call.site.perform(operation, on: call.vpg, user: call.user)
    return .text(task.rawValue)
  }

  /// The checkpoint a body names; nil is the latest.
  private static func checkpoint(_ call: APICall) throws(APIError) -> CheckpointIdentifier? {
    guard let text = try call.body.text("CheckpointIdentifier", "CheckpointId"), !text.isEmpty
    else { return nil }
    guard let checkpoint = CheckpointIdentifier(text: text) else {
      throw .invalid("CheckpointIdentifier is not a number: \(text)")
    }
    return checkpoint
  }

  private static func vms(_ call: APICall) throws(APIError) -> [VMIdentifier] {
    try call.body.texts("VmIdentifiers").map { VMIdentifier($0) }
  }
}
