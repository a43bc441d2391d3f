// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Store
import Testing

@Suite(.withPostgres) struct ReportStoreTests {
  private static let hour: Int64 = 3_600_000

  private static func sample(_ vm: String, hour: Int64) -> ResourceSample {
    ResourceSample(
      time: WallTime(milliseconds: hour * Self.hour),
      vpg: VPGIdentifier("v"),
      vpgName: "Shop",
      vm: VMIdentifier(vm),
      vmName: vm
    )
  }

  private static func report(_ identifier: String, began: Int64) -> RecoveryReport {
    RecoveryReport(
      identifier: identifier,
      kind: .failover,
      vpg: VPGIdentifier("v"),
      vpgName: "Shop",
      protectedSiteName: "a",
      recoverySiteName: "b",
      user: "ann",
      checkpoint: Checkpoint(
        identifier: CheckpointIdentifier(1),
        time: WallTime(milliseconds: 1),
        tag: ""
      ),
      began: WallTime(milliseconds: began),
      recovered: WallTime(milliseconds: began + 2500),
      ended: WallTime(milliseconds: began + 4000),
      failure: "",
      notes: "",
      steps: [],
      machines: [],
      defaults: .init(hostName: "h", datastoreName: "d", networkName: "n")
    )
  }

  @Test(arguments: StoreKind.allCases)
  func `samples come back in pages, oldest first, within their bounds`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    #expect(try await store.latestSampleTime() == nil)
    try await store.save((0..<10).map { Self.sample("a", hour: $0) })
    let page = try await store.resourceSamples(
      SampleQuery(
        start: WallTime(milliseconds: 2 * Self.hour),
        end: WallTime(milliseconds: 8 * Self.hour),
        offset: 2,
        limit: 3
      )
    )
    #expect(page.map { $0.time.milliseconds / Self.hour } == [4, 5, 6])
    #expect(try await store.latestSampleTime()?.milliseconds == 9 * Self.hour)
  }

  @Test(arguments: StoreKind.allCases) func `a filter counts only what matches`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    try await store.save(
      (0..<6).flatMap { [Self.sample("a", hour: $0), Self.sample("b", hour: $0)] }
    )
    let found = try await store.resourceSamples(
      SampleQuery(offset: 1, limit: 2) { $0.vmName == "b" }
    )
    #expect(found.map(\.vmName) == ["b", "b"])
    #expect(found.map { $0.time.milliseconds / Self.hour } == [1, 2])
  }

  @Test(arguments: StoreKind.allCases)
  func `old samples are thinned to the first of a day, and the oldest go`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    try await store.save(
      (0..<96).flatMap { [Self.sample("a", hour: $0), Self.sample("b", hour: $0)] }
    )
    // Three days and a bit: the last day that ended before is whole days 1 and 2.
    try await store.thinResourceSamples(
      before: WallTime(milliseconds: 75 * Self.hour),
      end: WallTime(milliseconds: 24 * Self.hour)
    )
    let left = try await store.resourceSamples(SampleQuery(limit: 1000))
    let hours = left.filter { $0.vmName == "a" }.map { $0.time.milliseconds / Self.hour }
    #expect(hours == [24, 48] + Array(72..<96))
    #expect(left.count == 2 * hours.count)
  }

  @Test(arguments: StoreKind.allCases)
  func `recovery reports are found by their beginning and replaced whole`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    try await store.save(Self.report("x", began: 100))
    try await store.save(Self.report("y", began: 200))
    var changed = Self.report("x", began: 100)
    changed.failure = "no room"
    try await store.save(changed)
    #expect(try await store.recoveryReport("x") == changed)
    #expect(try await store.recoveryReports(from: nil, to: nil).map(\.identifier) == ["y", "x"])
    let late = try await store.recoveryReports(from: WallTime(milliseconds: 150), to: nil)
    #expect(late.map(\.identifier) == ["y"])
    #expect(try await store.recoveryReport("z") == nil)
  }

  @Test(arguments: StoreKind.allCases) func `licence, service profiles and organisations are kept`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    #expect(try await store.licence() == nil)
    let licence = LicenceRecord(key: "K", since: WallTime(milliseconds: 5))
    try await store.save(licence)
    #expect(try await store.licence() == licence)
    try await store.removeLicence()
    #expect(try await store.licence() == nil)
    let gold = ServiceProfile(identifier: "g", name: "Gold", rpoInSeconds: 10)
    try await store.save(gold)
    try await store.save(Organisation(identifier: "o", name: "Org"))
    #expect(try await store.serviceProfiles() == [gold])
    #expect(try await store.organisations().map(\.name) == ["Org"])
    try await store.removeServiceProfile("g")
    try await store.removeOrganisation("o")
    #expect(try await store.serviceProfiles().isEmpty)
    #expect(try await store.organisations().isEmpty)
  }
}
