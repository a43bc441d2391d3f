// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// Reports of recoveries as the API shows them.

extension APIValue {
  static func recoveryReport(_ report: RecoveryReport) -> APIValue {
    .object(
      "RecoveryReportApi",
      [
        "RecoveryOperationIdentifier": .string(report.identifier),
        "General": general(report),
        "RecoverySettings": .object(
          "RecoverySettingsReportApi",
          [
            "Vpg": .object(
              "RecoverySettingsVpgApi",
              [
                "DefaultHostName": .string(report.defaults.hostName),
                "DefaultDatastoreName": .string(report.defaults.datastoreName),
                "DefaultNetworkName": .string(report.defaults.networkName),
              ]
            ),
            "Vms": .list(report.machines.map(machine), element: "RecoverySettingsVmApi"),
            "Steps": .list(report.steps.map(step), element: "RecoverySettingsStepApi"),
          ]
        ),
      ]
    )
  }

  private static func general(_ report: RecoveryReport) -> APIValue {
    .object(
      "RecoveryReportsGeneralApi",
      [
        "VpgIdentifier": .identifier(report.vpg),
        "VpgName": .string(report.vpgName),
        "RecoveryType": .string(report.kind.rawValue),
        "ProtectedSiteName": .string(report.protectedSiteName),
        "RecoverySiteName": .string(report.recoverySiteName),
        "StartTime": .date(report.began),
        "EndTime": .date(report.ended),
        "PointInTime": .date(report.checkpoint.time),
        "RtoInSeconds": .text(report.rtoInSeconds.map { String(whole($0)) }),
        "Status": .string(report.failure.isEmpty ? "Success" : "Fail"),
        "InitiatedBy": .string(report.user),
        "Notes": .string(
          // Notes are lines of their own: what people wrote ends as it pleases.
          [report.notes, report.failure].filter { !$0.isEmpty }.joined(separator: "\n")
        ),
      ]
    )
  }

  static func machine(_ machine: RecoveryReport.Machine) -> APIValue {
    .object(
      "RecoverySettingsVmApi",
      [
        "VmName": .string(machine.name),
        "HostName": .string(machine.hostName),
        "DatastoreName": .string(machine.datastoreName),
        "FolderName": .string(machine.folderName),
        "NetworkNames": .texts(machine.networkNames),
        "Volumes": .list(
          machine.volumes.map { volume in
            .object(
              "RecoverySettingVmVolumeApi",
              [
                "VolumeName": .string(volume.name),
                "DatastoreName": .string(volume.datastoreName),
              ]
            )
          },
          element: "RecoverySettingVmVolumeApi"
        ),
      ]
    )
  }

  private static func step(_ step: RecoveryReport.Step) -> APIValue {
    .object(
      "RecoverySettingsStepApi",
      [
        "Description": .string(step.description),
        "Result": .string(step.failure.isEmpty ? "Success" : "Fail: \(step.failure)"),
        "StartTime": .date(step.began),
        "EndTime": .date(step.ended),
        "ExecutionTime": .string(
          duration(seconds: whole(max(0, step.ended.seconds(since: step.began))))
        ),
      ]
    )
  }
}
