// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel

/// One VM's writes from the tap to the durable journal of the other appliance, TLS on, beside the
/// slowest of the stages measured alone; then the RPO at half of that rate, and the memory of both
/// appliances after all that.
enum WholePath {
  private static let kinds: [Sample.Kind] = [.incompressible, .compressible]

  static let benchmark = Benchmark(
    rows: kinds.map(name) + ["rpo-median", "rpo-worst", "memory-protected", "memory-recovery"],
    run: run
  )

  private static let volumeByteCount = 1 << 30
  private static let limit = 24 << 30

  private static func name(_ kind: Sample.Kind) -> String { "whole-path-\(kind.rawValue)" }

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let disk = stage.path("disk.raw")
    try Disk.make(disk, byteCount: volumeByteCount, isWritten: false)
    let pair = try await AppliancePair(
      disk: disk,
      replica: stage.path("replica.raw"),
      byteCount: volumeByteCount,
      limit: limit,
      stage: stage
    )
    let writer = try NBDWriter(
      socketPath: pair.tapSocketPath,
      export: AppliancePair.volume.rawValue,
      stage: stage
    )
    try await pair.sync()
    let load = try await PathLoad(pair: pair, writer: writer)
    var rows: [Row] = []
    var slowest = Double.infinity
    for kind in kinds {
      let (row, rate) = try await row(kind, load, stage, effort)
      rows.append(row)
      slowest = min(slowest, rate)
    }
    rows += try await load.recoveryPointRows(
      Sample(.compressible),
      bytesPerSecond: slowest / 2,
      seconds: effort.watchSeconds
    )
    let byteCount = try await pair.recovery.client.status().journals.first?.journalByteCount ?? 0
    try await load.fillBuffer(Sample(.incompressible))
    return rows + (try memoryRows(of: pair, extentCount: Int(byteCount) / NBDWriter.writeSize))
  }

  /// The protecting appliance's row, and the recovering one's, whose journal has so many extents.
  private static func memoryRows(of pair: AppliancePair, extentCount: Int) throws -> [Row] {
    [
      Row(
        "memory-protected",
        ours: Double(try pair.protected.peakMemoryByteCount) / Double(1 << 20),
        unit: "MiB",
        atMost: ApplianceProcess.memoryBound(
          bufferInMB: ApplianceProcess.bufferInMB,
          extentCount: 0
        )
      ),
      Row(
        "memory-recovery",
        ours: Double(try pair.recovery.peakMemoryByteCount) / Double(1 << 20),
        unit: "MiB",
        atMost: ApplianceProcess.memoryBound(bufferInMB: 0, extentCount: extentCount)
      ),
    ]
  }

  private static func row(
    _ kind: Sample.Kind,
    _ load: PathLoad,
    _ stage: Stage,
    _ effort: Effort
  ) async throws -> (row: Row, bytesPerSecond: Double) {
    let data = try Sample(kind)
    var whole: [Double] = []
    var stages: [PathStage: [Double]] = [:]
    // The whole path moves much to the disk: fewer runs have to do.
    for turn in 0..<3 {
      let order = turn.isMultiple(of: 2) ? PathStage.allCases : PathStage.allCases.reversed()
      if turn.isMultiple(of: 2) { whole.append(try await load.sustained(data, effort)) }
      for part in order {
        stages[part, default: []].append(try await part.rate(data, stage, effort))
      }
      if !turn.isMultiple(of: 2) { whole.append(try await load.sustained(data, effort)) }
    }
    let medians = stages.mapValues { $0.median { $0 } }
    let text = PathStage.allCases.map { part in
      "\(part.rawValue) \(Table.figure((medians[part] ?? .nan) / 1e6))"
    }
    say("  stages alone, MB/s: \(text.joined(separator: ", "))")
    let rate = whole.median { $0 }
    let row = Row(
      name(kind),
      ours: rate / 1e6,
      peer: (medians.values.min() ?? .nan) / 1e6,
      unit: "MB/s",
      .atLeast(0.8)
    )
    return (row, rate)
  }
}
