// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Orchestration
internal import RecoveryModel

/// What is different between two points of a VM: part of `/v1/vms`.
enum VmDifferences {
  private static let usualCount = 1000
  private static let largestCount = 100_000

  static var routes: [Route] {
    [
      Route(
        .get,
        "vms/{vmIdentifier}/pointsInTime/difference",
        "Which bytes of the disks were written from one checkpoint to a later one.",
        answer: difference
      )
    ]
  }

  private static func difference(_ call: APICall) async throws -> APIResponse {
    let view = try await call.protectedVM(
      call.parameter("vmIdentifier"),
      vpg: call.query.text("vpgIdentifier")
    )
    let vpg = view.vpg.definition.identifier
    let checkpoints = try await call.site.checkpoints(of: vpg, from: nil, to: nil)
    let earlier = try checkpoint("fromCheckpoint", of: checkpoints, call)
    let later = try checkpoint("toCheckpoint", of: checkpoints, call)
    guard earlier.identifier <= later.identifier else {
      throw APIError.invalid("fromCheckpoint is after toCheckpoint")
    }
    let first = try call.query.integer("firstExtent") ?? 0
    let limit = try call.query.integer("extentCount") ?? usualCount
    guard first >= 0, (0...largestCount).contains(limit) else {
      throw APIError.invalid(
        "firstExtent must not be negative, and extentCount be from 0 to \(largestCount)"
      )
    }
    let changes = try await call.site.changes(
      of: view.vm.identifier,
      in: vpg,
      from: earlier.identifier,
      to: later.identifier,
      first: first,
      limit: limit
    )
    return .value(
      .object(
        "PointDifferenceApi",
        [
          "VmIdentifier": .identifier(view.vm.identifier),
          "VmName": .string(view.vm.name),
          "From": .checkpoint(earlier),
          "To": .checkpoint(later),
          "Disks": .list(changes.volumes.map(disk), element: "DiskDifferenceApi"),
        ]
      )
    )
  }

  private static func checkpoint(
    _ filter: String,
    of checkpoints: [Checkpoint],
    _ call: APICall
  ) throws(APIError) -> Checkpoint {
    guard let text = call.query.text(filter), let number = CheckpointIdentifier(text: text) else {
      throw .invalid("\(filter) must be a checkpoint's identifier")
    }
    guard let found = checkpoints.first(where: { $0.identifier == number }) else {
      throw .notFound("the VPG has no checkpoint \(text)")
    }
    return found
  }

  private static func disk(_ volume: ChangesReply.Volume) -> APIValue {
    .object(
      "DiskDifferenceApi",
      [
        "VolumeIdentifier": .identifier(volume.identifier),
        "Target": .string(volume.target),
        "SizeInBytesBefore": .integer(Int64(clamping: volume.byteCountBefore)),
        "SizeInBytes": .integer(Int64(clamping: volume.byteCount)),
        "ChangedInBytes": .integer(Int64(clamping: volume.changedByteCount)),
        "ExtentCount": .integer(volume.extentCount),
        "Extents": .list(
          volume.extents.map { extent in
            .object(
              "ExtentApi",
              [
                "OffsetInBytes": .integer(Int64(clamping: extent.offset)),
                "LengthInBytes": .integer(Int64(clamping: extent.count)),
              ]
            )
          },
          element: "ExtentApi"
        ),
      ]
    )
  }
}
