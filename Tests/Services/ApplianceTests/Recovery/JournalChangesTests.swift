// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import RecoveryModel
import Testing

@testable import Appliance

@Suite struct `Changes of a journal's disks` {
  private func request(_ earlier: UInt64, _ later: UInt64, first: Int = 0, limit: Int = 100)
    -> ChangesRequest
  {
    ChangesRequest(
      earlier: .checkpoint(CheckpointIdentifier(earlier)),
      later: .checkpoint(CheckpointIdentifier(later)),
      first: first,
      limit: limit
    )
  }

  private func prepare() throws -> RecoveryBench {
    let bench = try RecoveryBench()
    try bench.prepare()
    try bench.deliver(
      .write(0, 4096, [UInt8](repeating: 1, count: 70_000)),
      .mark(1),
      .write(0, 8192, [UInt8](repeating: 2, count: 4096)),
      .write(0, 500_000, [3]),
      .mark(2)
    )
    return bench
  }

  @Test func `are told by disk, a page at a time, also after a restart`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    for isRestarted in [false, true] {
      if isRestarted { try bench.restart() }
      let all = try bench.journals.changes(of: RecoveryBench.stream, request(1, 2))
      #expect(all.volumes.map(\.target) == ["vda", "vdb"])
      #expect(all.volumes[0].extents.map(\.offset) == [8192, 500_000])
      #expect(all.volumes[0].extents.map(\.count) == [4096, 1])
      #expect(all.volumes[0].changedByteCount == 4097)
      #expect(all.volumes[0].byteCountBefore == 1 << 20)
      #expect(all.volumes[1].extentCount == 0)
      let page = try bench.journals.changes(
        of: RecoveryBench.stream,
        request(1, 2, first: 1, limit: 1)
      )
      #expect(page.volumes[0].extents.map(\.offset) == [500_000])
      #expect(page.volumes[0].extentCount == 2)
    }
  }

  @Test func `between points that are not there, or in the wrong order, are refused`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    for (wrong, status) in [
      (request(2, 1), 400), (request(1, 9), 404), (request(1, 2, first: -1), 400),
    ] {
      let error = #expect(throws: ControlFailure.self) {
        try bench.journals.changes(of: RecoveryBench.stream, wrong)
      }
      #expect(error?.status == status)
    }
    let unknown = #expect(throws: ControlFailure.self) {
      try bench.journals.changes(of: StreamIdentifier("x"), request(1, 2))
    }
    #expect(unknown?.status == 404)
  }
}
