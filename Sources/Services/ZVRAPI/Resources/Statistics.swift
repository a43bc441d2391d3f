// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/statistics`: totals since the appliances began.
enum Statistics: Resource {
  static let root = "statistics"
  static let interface = "IStatisticsService"

  static var routes: [Route] {
    [
      Route(.get, "statistics/vms", "What each protected VM has written and sent.") { call in
        .list(
          try await call.site.statistics().map { sample in
            .object(
              "VmStatisticsApi",
              [
                "VmIdentifier": .identifier(sample.vm),
                "VpgIdentifier": .identifier(sample.vpg),
                "IoOperationsCounter": .integer(Int64(clamping: sample.writeCount)),
                "WriteCounterInMBs": .integer(Int64(clamping: sample.writtenByteCount >> 20)),
                "SyncCounterInMBs": .integer(Int64(clamping: sample.syncByteCount >> 20)),
                "NetworkTrafficCounterInMBs": .integer(Int64(clamping: sample.sentByteCount >> 20)),
                "SampleTime": .date(sample.time),
              ]
            )
          },
          of: "VmStatisticsApi"
        )
      }
    ]
  }
}
