// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecoveryModel
import SQLiteStore
import Store
import Testing

/// A store's file in a folder of its own.
final class StoreFile {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("understudy-store-\(UUID().uuidString)")
  var path: String { folder.appendingPathComponent("manager.sqlite").path }

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}

@Suite struct SQLiteStoreTests {
  @Test func `a file that is no database is refused`() throws {
    let file = try StoreFile()
    try Data("this is not a database, and long enough to be taken for none".utf8)
      .write(to: URL(fileURLWithPath: file.path))
    #expect {
      try SQLiteStore(path: file.path)
    } throws: { error in
      if case StoreError.corrupt = error { true } else { false }
    }
  }

  @Test func `only the owner can read the file`() async throws {
    let file = try StoreFile()
    let store = try SQLiteStore(path: file.path)
    let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    try await store.close()
  }

  @Test func `a VPG that an older manager stored is read`() async throws {
    let file = try StoreFile()
    try await SQLiteStore(path: file.path).close()
    let database = try DatabaseQueue(path: file.path)
    try await database.write { connection in
      try connection.execute(
        sql: "INSERT INTO vpg (identifier, json) VALUES ('vpg-1', ?)",
        arguments: [Self.oldVPG]
      )
    }
    try database.close()
    let record = try #require(try await SQLiteStore(path: file.path).vpgs().first)
    #expect(record.definition.name == "web" && record.suspensions.isEmpty)
    let vm = try #require(record.definition.vms.first)
    #expect(vm.volumes[0].target == "vda" && vm.volumes[0].isThin == nil)
    #expect(vm.nics[0].failover.replacesAddresses == nil && vm.replicaFolder == nil)
  }

  /// As the first version of the manager wrote it.
  private static let oldVPG = #"""
    {"definition":{"bootGroups":[{"delayInSeconds":0,"identifier":"g","name":"Default"}],
    "description":"","generation":3,"identifier":"vpg-1","journal":{"hardLimitInMB":153600},
    "name":"web","networks":{},"policy":{"checkpointIntervalInSeconds":5,
    "journalHistoryInHours":24,"priority":1,"rpoTargetInSeconds":300,
    "testIntervalInMinutes":262080,"usesWANCompression":true},"protectedSite":"a","recovery":{},
    "recoverySite":"b","scratch":{},"scripting":{"postRecovery":{"timeoutInSeconds":300},
    "preRecovery":{"timeoutInSeconds":300}},"vms":[{"hardware":{"architecture":"x86_64",
    "cpuCount":1,"firmware":"bios","hasGuestAgent":true,"macAddresses":["52:54:00:00:00:01"],
    "machine":"q35","memoryInMB":64},"identifier":"vm-1","name":"web1","nics":[{"failover":
    {"replacesMACAddress":false,"usesDHCP":false},"failoverTest":{"replacesMACAddress":false,
    "usesDHCP":false},"identifier":"Network adapter 1"}],"stream":"s","volumes":[{"byteCount":
    1048576,"identifier":"scsi:0:0","target":"vda"}]}]},"isPaused":false,"phase":"protecting",
    "shutDown":[]}
    """#
}
