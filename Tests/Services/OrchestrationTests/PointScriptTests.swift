// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Hypervisor
import Orchestration
import RecoveryModel
import Scripts
import Store
import Testing

/// Searches whose check is a script.
@Suite struct PointScriptTests {
  private static let points = (1...20).map {
    Checkpoint(
      identifier: CheckpointIdentifier($0),
      time: WallTime(milliseconds: Int64($0) * 1000),
      tag: ""
    )
  }

  private static func wish(_ script: PointCheck.Script, timeout: Int = 3600) -> PointSearchWish {
    PointSearchWish(
      check: PointCheck(
        url: nil,
        needsGuestAgent: false,
        timeoutInSeconds: timeout,
        script: script
      ),
      newest: CheckpointIdentifier(20)
    )
  }

  private static func withPoints(
    _ scripts: any ScriptRunning,
    _ body: @escaping @Sendable (TwoSites, VPGIdentifier) async throws -> Void
  ) async throws {
    let sites = try await TwoSites(scripts: scripts)
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.parisAppliance.put(points, before: definition.vms[0].stream)
      try await body(sites, definition.identifier)
      #expect(await sites.parisAppliance.exports().isEmpty)
      #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty)
    }
  }

  /// A repository with one script.
  private static func folders(_ folder: String, _ text: String) throws -> ScriptFolders {
    let folders = try ScriptFolders(path: folder)
    try folders.repository.write(
      Array(text.utf8),
      to: try ScriptPath("check.sh"),
      overwrites: false
    )
    return folders
  }

  @Test func `the script decides, once for each point, and its words are told`() async throws {
    let scripts = RecordingScripts()
    scripts.failAfter(CheckpointIdentifier(13))
    try await Self.withPoints(scripts) { sites, vpg in
      let wish = Self.wish(.init(command: "check.sh", parameters: "--strict"))
      let task = try await sites.parisSite.beginSearch(wish, in: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      let search = try await sites.parisSite.search(in: vpg).workflow.search
      #expect(search.lastGood == Self.points[12] && search.firstBad == Self.points[13])
      #expect(scripts.operations.allSatisfy { $0 == "Test PointCheck" })
      #expect(scripts.runs.count == search.probes.count)
      let bad = try #require(search.probes.first { !$0.hasPassed })
      #expect(bad.finding.contains("check.sh ended with status 1"), "\(bad.finding)")
      #expect(bad.finding.contains("/web/printed.txt: said"), "\(bad.finding)")
    }
  }

  @Test func `a script that is not run is no verdict`() async throws {
    let scripts = RecordingScripts()
    scripts.end("check.sh", as: .refused("Nobody may run it."))
    try await Self.withPoints(scripts) { sites, vpg in
      let wish = Self.wish(.init(command: "check.sh"))
      let task = try await sites.parisSite.beginSearch(wish, in: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite, state: .failed)
      let view = try await sites.parisSite.search(in: vpg)
      #expect(view.workflow.search.probes.isEmpty)
      #expect(view.summary.contains("check.sh was not run. Nobody may run it."))
    }
  }

  @Test func `a script that is not in the repository is refused at once`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/checks-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let folders = try Self.folders(folder, "#!/bin/sh\n")
    try await Self.withPoints(ScriptRunner(folders: folders, userName: nil)) { sites, vpg in
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.beginSearch(
          Self.wish(.init(command: "other.sh")),
          in: vpg,
          user: "ann"
        )
      }
    }
  }

  /// The whole of it: a real script, as an unprivileged user.
  @Test(.enabled(if: geteuid() == 0, "starting scripts needs root"))
  func `a real script finds the point by what it is told`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/checks-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let folders = try Self.folders(
      folder,
      """
      #!/bin/sh
      echo "$UNDERSTUDY_SCRIPT of $ZertoVPGName by $(id -u)"
      test "$UNDERSTUDY_CHECKPOINT" -le "$1"

      """
    )
    try await Self.withPoints(ScriptRunner(folders: folders, userName: nil)) { sites, vpg in
      let wish = Self.wish(.init(command: "check.sh", parameters: "7"))
      let task = try await sites.parisSite.beginSearch(wish, in: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      let search = try await sites.parisSite.search(in: vpg).workflow.search
      #expect(search.lastGood == Self.points[6] && search.firstBad == Self.points[7])
      let finding = try #require(search.probes.first?.finding)
      #expect(finding.contains("PointCheck of web by "), "\(finding)")
      #expect(!finding.contains("by 0"), "\(finding)")
    }
  }

  /// Nothing is started: the script finds the files of the point in a folder of its own.
  @Test(.enabled(if: geteuid() == 0, "starting scripts needs root"))
  func `a real script reads the files of a point that is only looked at`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/checks-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let folders = try Self.folders(
      folder,
      """
      #!/bin/sh
      cat "$UNDERSTUDY_FILES/$VmDisplayNames/vda1/etc/hosts" || exit 2
      echo " of $UNDERSTUDY_CHECKPOINT by $(id -u)"
      test "$UNDERSTUDY_CHECKPOINT" -le 7

      """
    )
    try await Self.withPoints(ScriptRunner(folders: folders, userName: nil)) { sites, vpg in
      let vm = try #require(await sites.parisSite.context.vpgs.record(vpg)?.definition.vms.first)
      var wish = Self.wish(.init(command: "check.sh"))
      wish.check.files = [.init(vm: vm.identifier, path: "/vda1/etc/hosts", rule: .exists)]
      let task = try await sites.parisSite.beginSearch(wish, in: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      let search = try await sites.parisSite.search(in: vpg).workflow.search
      #expect(search.lastGood == Self.points[6] && search.firstBad == Self.points[7])
      let finding = try #require(search.probes.first?.finding)
      #expect(finding.contains("/vda1/etc/hosts of "), "\(finding)")
      #expect(!finding.contains("by 0"), "\(finding)")
      #expect(await sites.parisAppliance.files.isEmpty)
    }
  }

  @Test(.enabled(if: geteuid() == 0, "starting scripts needs root"))
  func `an abort ends a script that runs`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/checks-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let folders = try Self.folders(folder, "#!/bin/sh\nexec sleep 100000\n")
    try await Self.withPoints(ScriptRunner(folders: folders, userName: nil)) { sites, vpg in
      let wish = Self.wish(.init(command: "check.sh"))
      let task = try await sites.parisSite.beginSearch(wish, in: vpg, user: "ann")
      try await eventually("the script's folder is there") {
        let runs = try? FileManager.default.contentsOfDirectory(atPath: folder + "/runs")
        return runs?.isEmpty == false
      }
      let abort = try await sites.parisSite.abortSearch(in: vpg, user: "ann")
      try await sites.finished(abort, at: sites.parisSite)
      try await eventually("the search ends") {
        try await sites.parisSite.task(task).state.isFinal
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/runs").isEmpty)
    }
  }
}
