// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct DifferenceCallTests {
  private let points = FakeSite.checkpoints.map(\.identifier).sorted()

  private func path(_ query: String) -> String {
    "/v1/vms/\(FakeSite.web)/pointsInTime/difference?\(query)"
  }

  @Test func `the difference names both points and what was written between them`() async throws {
    let client = await APIClient.loggedOn()
    let first = try #require(points.first)
    let last = try #require(points.last)
    let query = "fromCheckpoint=\(first)&toCheckpoint=\(last)"
    let answer = try #require(await client.get(path(query)).object)
    #expect(answer.value("From", "CheckpointIdentifier").readText == "\(first)")
    #expect(answer.value("To", "CheckpointIdentifier").readText == "\(last)")
    let disk = try #require(answer["Disks"]?.items?.first?.object)
    #expect(disk["SizeInBytesBefore"]?.readInteger == 1 << 33)
    #expect(disk["ChangedInBytes"]?.readInteger == 4708)
    let extents = disk["Extents"]?.items?.compactMap(\.object)
    #expect(extents?.map { $0["OffsetInBytes"]?.readInteger } == [0, 65_536, 1 << 33])
    #expect(extents?.map { $0["LengthInBytes"]?.readInteger } == [4096, 512, 100])
    let xml = await client.xml(path(query))
    #expect(xml.contains("<ChangedInBytes>4708</ChangedInBytes>"))

    let page = try #require(await client.get(path(query + "&firstExtent=1&extentCount=1")).object)
    let part = try #require(page["Disks"]?.items?.first?.object)
    #expect(part["ExtentCount"]?.readInteger == 3)
    #expect(part["Extents"]?.items?.count == 1)
  }

  @Test func `points that are missing, unknown or in the wrong order are refused`() async throws {
    let client = await APIClient.loggedOn()
    let first = try #require(points.first)
    let last = try #require(points.last)
    try #require(first < last)
    for (query, status) in [
      ("fromCheckpoint=\(first)", 400), ("fromCheckpoint=x&toCheckpoint=\(last)", 400),
      ("fromCheckpoint=\(first)&toCheckpoint=1", 404),
      ("fromCheckpoint=\(last)&toCheckpoint=\(first)", 400),
      ("fromCheckpoint=\(first)&toCheckpoint=\(last)&extentCount=100001", 400),
      ("fromCheckpoint=\(first)&toCheckpoint=\(last)&firstExtent=-1", 400),
    ] {
      #expect(await client.send(.get, path(query)).status == status, "\(query)")
    }
  }
}
