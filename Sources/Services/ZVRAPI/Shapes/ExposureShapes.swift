// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

extension APIValue {
  /// What would be lost of a VPG this moment.
  static func exposure(_ exposure: VPGExposure) -> APIValue {
    .object(
      "VpgExposureApi",
      [
        "VpgIdentifier": .identifier(exposure.vpg),
        "VpgName": .string(exposure.name),
        "LatestCheckpoint": .checkpoint(exposure.latestCheckpoint),
        "Loss": .loss(exposure.loss),
        "Vms": .list(
          exposure.vms.map { vm in
            .object(
              "VmExposureApi",
              [
                "VmIdentifier": .identifier(vm.identifier),
                "VmName": .string(vm.name),
                "Loss": .loss(vm.loss),
              ]
            )
          },
          element: "VmExposureApi"
        ),
      ]
    )
  }

  private static func loss(_ loss: VPGExposure.Loss?) -> APIValue {
    guard let loss else { return .null }
    return .object(
      "LossApi",
      [
        "Writes": .integer(Int64(clamping: loss.writeCount)),
        "Bytes": .integer(Int64(clamping: loss.byteCount)),
        "OldestWriteAgeInMilliseconds": .integer(loss.oldestInMilliseconds),
      ]
    )
  }
}
