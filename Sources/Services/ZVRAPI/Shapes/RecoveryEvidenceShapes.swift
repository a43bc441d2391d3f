// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// All that a recovery wrote down, also what the published report has no member for.

extension APIValue {
  static func recoveryEvidence(_ report: RecoveryReport) -> APIValue {
    .object(
      "RecoveryEvidenceApi",
      [
        "RecoveryOperationIdentifier": .string(report.identifier),
        "RecoveryType": .string(report.kind.rawValue),
        "VpgIdentifier": .identifier(report.vpg),
        "VpgName": .string(report.vpgName),
        "ProtectedSiteName": .string(report.protectedSiteName),
        "RecoverySiteName": .string(report.recoverySiteName),
        "Checkpoint": .checkpoint(report.checkpoint),
        "Began": .date(report.began),
        "Recovered": .date(report.recovered),
        "Ended": .date(report.ended),
        "RtoInSeconds": report.rtoInSeconds.map(APIValue.double) ?? .null,
        "RpoInSeconds": report.rpoInSeconds.map(APIValue.double) ?? .null,
        "HasSucceeded": .bool(report.failure.isEmpty),
        "Reason": .string(report.failure),
        "Notes": .string(report.notes),
        "Requests": .list((report.requests ?? []).map(request), element: "RecoveryRequestApi"),
        "Verifications": .list(
          (report.verifications ?? []).map(verification),
          element: "RecoveryVerificationApi"
        ),
        "Steps": .list(report.steps.map(evidence), element: "RecoveryStepApi"),
        "Vms": .list(report.machines.map(machine), element: "RecoverySettingsVmApi"),
      ]
    )
  }

  private static func request(_ request: RecoveryReport.Request) -> APIValue {
    .object(
      "RecoveryRequestApi",
      [
        "Description": .string(request.description),
        "UserName": .string(request.user),
        "Time": .date(request.time),
      ]
    )
  }

  private static func verification(_ found: RecoveryReport.Verification) -> APIValue {
    .object(
      "RecoveryVerificationApi",
      [
        "Subject": .string(found.subject),
        "Finding": .string(found.finding),
        "HasPassed": .bool(found.hasPassed),
        "Time": .date(found.time),
      ]
    )
  }

  private static func evidence(_ step: RecoveryReport.Step) -> APIValue {
    .object(
      "RecoveryStepApi",
      [
        "Description": .string(step.description),
        "HasSucceeded": .bool(step.failure.isEmpty),
        "Reason": .string(step.failure),
        "Began": .date(step.began),
        "Ended": .date(step.ended),
        "Seconds": .double(max(0, step.ended.seconds(since: step.began))),
      ]
    )
  }
}
