// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

extension Vpgs {
  /// Checkpoints for which guests' file systems are at rest, by hand and by schedule.
  ///
  /// Zerto's API shows which checkpoints are such (`Vss`); there they are made inside the guests.
  static var quiescing: [Route] {
    [
      Route(
        .post,
        "\(vpg)/checkpoints/vss",
        "Inserts a tagged, application-consistent checkpoint. Answers a task. Not in Zerto's API.",
        body: #"{"CheckpointName": "before the upgrade"}"#
      ) { call in
        try await perform(.insertQuiescedCheckpoint(tag: try tag(call)), call)
      },
      Route(
        .get,
        "\(vpg)/checkpoints/schedule",
        "How often a checkpoint is application-consistent; 0 is never. Not in Zerto's API."
      ) { call in
        let policy = try await call.site.vpg(call.vpg).definition.policy
        return .value(
          .object(
            "CheckpointScheduleApi",
            ["VssIntervalInMinutes": .integer(policy.quiescedIntervalInMinutes ?? 0)]
          )
        )
      },
      Route(
        .post,
        "\(vpg)/checkpoints/schedule",
        "Sets how often a checkpoint is application-consistent; 0 is never. Answers a task.",
        body: #"{"VssIntervalInMinutes": 60}"#
      ) { call in
        guard let minutes = try call.body.integer("VssIntervalInMinutes") else {
          throw APIError.invalid("VssIntervalInMinutes is missing")
        }
        var definition = try await call.site.vpg(call.vpg).definition
        definition.policy.quiescedIntervalInMinutes = minutes == 0 ? nil : minutes
        definition.generation += 1
        return try await perform(.update(definition), call)
      },
    ]
  }

  /// What a stream can carry of a checkpoint's name, in bytes.
  private static let longestTag = 1024

  /// The name of a checkpoint to insert.
  static func tag(_ call: APICall) throws(APIError) -> String {
    guard let tag = try call.body.text("CheckpointName", ""), !tag.isEmpty else {
      throw APIError.invalid("CheckpointName is missing")
    }
    guard tag.utf8.count <= longestTag else {
      throw APIError.invalid("CheckpointName is longer than \(longestTag) bytes")
    }
    guard !tag.hasControlCharacters else {
      throw APIError.invalid("CheckpointName has line breaks or other control characters")
    }
    return tag
  }
}
