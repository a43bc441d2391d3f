// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import ReplicationProtocol
import Testing

@testable import Appliance

@Suite(.enabled(if: getuid() == 0, "mounting a small disk needs root"))
struct `An appliance whose disk is full` {
  /// Sixteen writes of 64 KiB over the first volume, and a checkpoint.
  private func deliver(_ number: UInt64, to bench: RecoveryBench) throws {
    let payload = [UInt8](repeating: UInt8(number), count: 64 << 10)
    bench.send((0..<16).map { .write(0, $0 * 64 << 10, payload) })
    try bench.deliver(.mark(number))
  }

  @Test func `acknowledges every write without ending the session, and says what it costs`() throws
  {
    let bench = try RecoveryBench(onDiskOf: 24)
    defer { bench.tearDown() }
    var request = bench.request
    // Segments of 4 MiB; the disk is full long before the limit.
    request.hardLimitInBytes = 64 << 20
    try bench.prepare(request)
    for number in 1...48 as ClosedRange<UInt64> { try deliver(number, to: bench) }
    let status = try #require(bench.status)
    #expect(bench.session.closedReason == nil && status.lastError == "")
    #expect(status.history.isDiskFull && status.history.shortage == .disk)
    #expect(status.checkpointCount < 48 && status.checkpointCount > 3)
    #expect(status.latestCheckpoint?.identifier == CheckpointIdentifier(48))
    try bench.restart()
    #expect(try bench.connect().durable.rawValue == status.durableSequence)
  }

  @Test func `ends the session in words when there is no history left, and goes on with room`()
    throws
  {
    let bench = try RecoveryBench(onDiskOf: 24)
    defer { bench.tearDown() }
    var request = bench.request
    request.hardLimitInBytes = 64 << 20
    try bench.prepare(request)
    try deliver(1, to: bench)
    // A point that is open holds all of the history.
    let export = ExportIdentifier("e")
    let point = ExportPoint.sequence(SequenceNumber(try #require(bench.status).durableSequence))
    _ = try bench.exports.put(
      export,
      ExportRequest(stream: RecoveryBench.stream, point: point, overlayFolder: nil)
    )
    var failure: String?
    for number in 2...48 as ClosedRange<UInt64> where failure == nil {
      do { try deliver(number, to: bench) } catch let closed as RecordingSession.Closed {
        failure = closed.reason
      }
    }
    #expect(failure?.contains("no room") == true, "\(failure ?? "-")")
    #expect(bench.status?.history.isDiskFull == true)
    try bench.exports.delete(export)
    try bench.connect()
    for number in 50...80 as ClosedRange<UInt64> { try deliver(number, to: bench) }
    #expect(bench.status?.latestCheckpoint?.identifier == CheckpointIdentifier(80))
  }
}
