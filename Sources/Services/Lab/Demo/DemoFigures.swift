// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What the demo measured.
///
/// A figure that was not taken is not shown.
package struct DemoFigures: Sendable {
  /// Writes that QEMU gave the appliance and the other site has made durable.
  package var replicatedWrites: UInt64?
  /// Numbers that the recovered guest's two files gave back.
  package var recoveredNumbers: Int?
  package var initialSyncInSeconds: Double?
  /// `ActualRPO` as the API gave it, second by second.
  package var rpoInSeconds: [Int] = []
  /// The age of the oldest write that the other site did not have, at instants between.
  package var rpoInMilliseconds: [Int64] = []
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
    if let replicatedWrites { rows.append(("writes replicated", "\(replicatedWrites)")) }
    if let recoveredNumbers {
      rows.append(("numbers read back, none missing", "\(recoveredNumbers)"))
    }
    if let initialSyncInSeconds {
      rows.append(("initial sync", Self.seconds(initialSyncInSeconds)))
    }
    let rpo = rpoInSeconds.sorted()
    if let worst = rpo.last {
      rows.append(
        ("ActualRPO, median / worst of \(rpo.count)", "\(rpo[rpo.count / 2]) s / \(worst) s")
      )
    }
    let fine = rpoInMilliseconds.sorted()
    if let worst = fine.last {
      rows.append(
        ("RPO, median / worst of \(fine.count)", "\(fine[fine.count / 2]) ms / \(worst) ms")
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
