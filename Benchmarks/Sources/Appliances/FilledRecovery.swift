// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A recovery appliance whose journal was filled behind its back.
struct FilledRecovery {
  static let checkpoint = 1

  let sites: Sites
  let replica: String
  let volumeByteCount: Int
  let journalFolder: String
  private let stage: Stage

  /// Lets an appliance make a journal, ends it and fills the journal with writes at random places.
  init(writeCount: Int, writeSize: Int, volumeByteCount: Int, stage: Stage) async throws {
    self.stage = stage
    self.volumeByteCount = volumeByteCount
    sites = try Sites(folder: stage.folder)
    replica = stage.path("replica.raw")
    let appliance = try await ApplianceProcess(
      "recovery",
      site: Sites.recovery,
      sites: sites,
      stage: stage
    )
    try await appliance.keepJournal(
      replica: replica,
      byteCount: volumeByteCount,
      limit: 1 << 50
    )
    journalFolder = appliance.journalFolder
    appliance.stop()
    _ = try Child.figures(
      ["fill", journalFolder, replica, volumeByteCount, writeCount, writeSize, Self.checkpoint],
      stage: stage
    )
  }

  /// Starts the appliance again.
  func start() async throws -> ApplianceProcess {
    try await ApplianceProcess("recovery", site: Sites.recovery, sites: sites, stage: stage)
  }
}
