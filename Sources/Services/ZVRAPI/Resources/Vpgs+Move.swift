// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

extension Vpgs {
  /// Planned moves to the recovery site.
  static var moves: [Route] {
    [
      Route(
        .post,
        "\(vpg)/Move",
        "Shuts the VMs down and starts them at the recovery site, with nothing lost. "
          + "Answers a task.",
        body: #"{"CommitPolicy": 2, "CommitPolicyTimeout": 0, "ForceShutdown": false, "#
          + #""ReverseProtection": false, "KeepSourceVms": true, "#
          + #""ContinueOnPreScriptFailure": false}"#,
        answer: move
      ),
      Route(
        .post,
        "\(vpg)/MoveCommit",
        "Makes a move final. Answers a task.",
        body: #"{"ReverseProtection": false, "KeepSourceVms": true}"#
      ) { call in
        let reverse = try call.body.flag("ReverseProtection", "IsReverseProtection")
        let keeps = try call.body.flag("KeepSourceVms")
        try refuseBoth(reverse, keeps)
        return try await perform(
          .moveCommit(reverseProtection: reverse, keepsSourceVMs: keeps),
          call
        )
      },
      Route(
        .post,
        "\(vpg)/moveRollback",
        "Undoes a move. Answers a task.",
        body: "{}"
      ) { call in
        try await perform(.moveRollback, call)
      },
    ]
  }

  /// The disks of VMs that are protected in reverse are replicas.
  private static func refuseBoth(_ reverse: Bool?, _ keeps: Bool?) throws(APIError) {
    guard reverse != true || keeps != true else {
      throw .invalid("KeepSourceVms and ReverseProtection cannot both be true")
    }
  }

  private static func move(_ call: APICall) async throws -> APIResponse {
    let body = call.body
    let commit = try body.number("CommitPolicy", of: APIEnumerations.commitPolicy)
    let wait = try body.integer("CommitPolicyTimeout") ?? 0
    guard (0...86_400).contains(wait) else {
      throw APIError.invalid("CommitPolicyTimeout must be from 0 to 86400")
    }
    try refuseBoth(try body.flag("ReverseProtection"), try body.flag("KeepSourceVms"))
    return try await perform(
      .move(
        VPGOperation.Move(
          commitPolicy: commit.flatMap(VPGOperation.CommitPolicy.init(rawValue:)) ?? .none,
          commitDelayInSeconds: wait,
          forcesShutdown: try body.flag("ForceShutdown") ?? false,
          reverseProtection: try body.flag("ReverseProtection") ?? false,
          keepsSourceVMs: try body.flag("KeepSourceVms") ?? true,
          continuesOnScriptFailure: try body.flag("ContinueOnPreScriptFailure")
        )
      ),
      call
    )
  }
}
