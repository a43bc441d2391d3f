// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What the demo measured.
///
/// A figure that was not taken is not shown.
package struct DemoFigures: Sendable {
  /// Fsynced writes of the guest, by number, that the recovered disks gave back.
  package var recoveredWrites: Int?
  package var initialSyncInSeconds: Double?
  /// `ActualRPO` as the API gave it, second by second.
  package var rpoInSeconds: [Int] = []
  package var checkpointCount: Int?
  package var test: RecoveryTimes?
  package var failover: RecoveryTimes?

  package init() {}

  /// Seconds from the API call.
  package struct RecoveryTimes: Sendable {
    package var untilRunning: Double
    package var untilFirstAnswer: Double

    package init(untilRunning: Double, untilFirstAnswer: Double) {
      self.untilRunning = untilRunning
      self.untilFirstAnswer = untilFirstAnswer
    }
  }

  /// The table, a line per figure.
  package var table: [String] {
    var rows: [(String, String)] = []
    if let recoveredWrites {
      rows.append(("writes replicated and read back", "\(recoveredWrites)"))
    }
    if let initialSyncInSeconds {
      rows.append(("initial sync", Self.seconds(initialSyncInSeconds)))
    }
    let rpo = rpoInSeconds.sorted()
    if let worst = rpo.last {
      rows.append(
        ("RPO, median / worst of \(rpo.count)", "\(rpo[rpo.count / 2]) s / \(worst) s")
      )
    }
    if let checkpointCount { rows.append(("checkpoints", "\(checkpointCount)")) }
    for (name, times) in [("test", test), ("failover", failover)] {
      guard let times else { continue }
      rows.append(("RTO of the \(name), VM running", Self.seconds(times.untilRunning)))
      rows.append(("RTO of the \(name), first answer", Self.seconds(times.untilFirstAnswer)))
    }
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { $0.padding(toLength: width, withPad: " ", startingAt: 0) + "  " + $1 }
  }

  private static func seconds(_ value: Double) -> String { String(format: "%.1f s", value) }
}
