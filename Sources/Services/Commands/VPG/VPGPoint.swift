// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

/// The checkpoint an operation goes to.
struct VPGPoint: ParsableArguments {
  @Option(help: "The checkpoint of this identifier.")
  var checkpoint: String?

  @Option(help: "The newest checkpoint with this tag.")
  var tag: String?

  @Option(help: "The newest checkpoint not after this time, such as 2026-11-24T10:04:31Z.")
  var before: String?

  /// Whether none is named.
  var isNewest: Bool { checkpoint ?? tag ?? before == nil }

  func validate() throws {
    guard [checkpoint, tag, before].compactMap({ $0 }).count <= 1 else {
      throw ValidationError("Give at most one of --checkpoint, --tag and --before.")
    }
    if let before { _ = try PointCommand.time(before) }
  }

  /// The identifier of the checkpoint of the VPG at `path`; nil for the newest there is.
  func resolve(_ client: ZVMClient, _ path: String) async throws -> String? {
    if let checkpoint { return checkpoint }
    guard tag != nil || before != nil else { return nil }
    let limit = try before.map(PointCommand.time)
    let found = try await client.get(path + "/checkpoints").elements.last { one in
      if let tag { return one["Tag"].text == tag }
      guard let limit, let text = one["TimeStamp"].text, let time = try? PointCommand.time(text)
      else { return false }
      return time <= limit
    }
    guard let identifier = found?["CheckpointIdentifier"].text else {
      throw UsageError(
        tag.map { "There is no checkpoint with the tag “\($0)”." }
          ?? "There is no checkpoint as old as \(before ?? "")."
      )
    }
    return identifier
  }

  /// The body of a call that starts an operation at the point.
  func body(_ client: ZVMClient, _ path: String) async throws -> JSON {
    guard let identifier = try await resolve(client, path) else { return [:] }
    return ["CheckpointIdentifier": .text(identifier)]
  }
}
