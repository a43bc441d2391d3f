// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import SQLiteStore
import Store
import Testing

@testable import Orchestration

/// What is kept at hand so that it need not be looked for is always that of now.
struct BookTests {
  private func withStore(_ body: (any Store) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-books-\(UUID().uuidString)").path
    let store = try SQLiteStore(path: path)
    defer {
      for suffix in ["", "-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: path + suffix)
      }
    }
    try await body(store)
    try await store.close()
  }

  private func record(_ identifier: String, _ name: String) -> VPGRecord {
    VPGRecord(
      definition: VPGDefinition(
        identifier: VPGIdentifier(identifier),
        name: name,
        protectedSite: TwoSites.london,
        recoverySite: TwoSites.paris
      )
    )
  }

  @Test func `order and names of VPGs follow every change`() async throws {
    try await withStore { store in
      try await store.save(record("1", "b"))
      let book = VPGBook(store: store)
      try await book.load()
      func names() async -> [String] { await book.all().map(\.definition.name) }
      #expect(await names() == ["b"])
      try await book.save(record("2", "a"))
      #expect(await names() == ["a", "b"])
      #expect(await book.allNames() == [VPGIdentifier("1"): "b", VPGIdentifier("2"): "a"])
      try await book.update(VPGIdentifier("2")) { $0.definition.name = "c" }
      #expect(await names() == ["b", "c"])
      #expect(await book.allNames()[VPGIdentifier("2")] == "c")
      try await book.remove(VPGIdentifier("1"))
      #expect(await names() == ["c"])
      #expect(await book.allNames() == [VPGIdentifier("2"): "c"])
    }
  }

  @Test func `troubles of a stream are those last noted, and none once it is forgotten`() {
    let stream = StreamIdentifier("s")
    var troubles = StreamTroubles()
    troubles.setFault("no host", of: stream)
    troubles.setDifferences(["a disk is new"], of: stream)
    #expect(troubles.fault(of: stream) == "no host")
    #expect(troubles.differences(of: stream) == ["a disk is new"])
    #expect(troubles.fault(of: StreamIdentifier("t")).isEmpty)
    troubles.setFault("", of: stream)
    #expect(troubles.fault(of: stream).isEmpty)
    troubles.forget(stream)
    #expect(troubles.differences(of: stream).isEmpty)
  }

  @Test func `an alert of a subject is turned off alone`() async throws {
    let sites = try await TwoSites()
    let book = AlertBook(context: sites.parisSite.context)
    let subject = AlertCondition.Subject.stream(StreamIdentifier("s"))
    func condition(
      _ kind: AlertCondition.Kind,
      _ subject: AlertCondition.Subject,
      _ text: String = ""
    ) -> AlertCondition {
      AlertCondition(kind: kind, subject: subject, vpgs: [], description: text)
    }
    let other = AlertCondition.Subject.stream(StreamIdentifier("t"))
    await book.set([condition(.journalSpaceLow, other)], for: other)
    await book.set(
      [condition(.journalSpaceLow, subject), condition(.journalDiskFull, subject)],
      for: subject
    )
    #expect(await book.raised(for: subject) == [.journalSpaceLow, .journalDiskFull])
    let before = await book.all().first { $0.condition.kind == .journalDiskFull }?.identifier
    await book.set([condition(.journalDiskFull, subject, "worse")], for: subject)
    #expect(await book.raised(for: subject) == [.journalDiskFull])
    let after = await book.all().first { $0.condition.kind == .journalDiskFull }
    #expect(after?.identifier == before && after?.condition.description == "worse")
    #expect(await book.all().count == 2)
    // Another manager that reads the store goes on with the same alerts.
    let later = AlertBook(context: sites.parisSite.context)
    try await later.load()
    #expect(await later.raised(for: subject) == [.journalDiskFull])
    await later.keepOnly([other])
    #expect(await later.all().map(\.condition.subject) == [other])
    #expect(await later.raised(for: subject).isEmpty)
  }
}
