// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import RESTClient

/// One telling of the demo's story, step by step.
struct DemoStory: Sendable {
  let lab: Lab
  let progress: DemoProgress
  /// The protected site and the recovery site.
  let london: LabSite
  let paris: LabSite
  let protected: ZVMClient
  let recovery: ZVMClient
  var figures = DemoFigures()

  static let vmName = "web1"
  static let vpgName = "web"
  static let tag = "before-ransomware"

  init(lab: Lab, progress: DemoProgress) async throws {
    self.lab = lab
    self.progress = progress
    let sites = try lab.sites()
    (london, paris) = (sites[0], sites[1])
    protected = try await ZVMClient(loggingInTo: london)
    do {
      recovery = try await ZVMClient(loggingInTo: paris)
    } catch {
      await protected.close()
      throw error
    }
    progress.detail("logged in at \(london.url) and \(paris.url)")
  }

  func close() async {
    await protected.close()
    await recovery.close()
  }

  mutating func tell() async throws {
    progress.chapter("The VM \(Self.vmName) runs at london")
    try await waitForSource()

    progress.chapter("Protection")
    try await pairSites()
    let vpg = try await createVPG()
    try await waitForInitialSync(of: vpg)
    try await watchRPO(of: vpg, seconds: 20)

    progress.chapter("A tagged checkpoint, then ransomware")
    let point = try await insertCheckpoint(of: vpg)
    try await damageSource()
    try await countReplicatedWrites()

    progress.chapter("Failover test at paris, in an isolated network")
    try await testFailover(of: vpg, to: point)

    progress.chapter("Failover, then roll back")
    try await failOver(vpg, to: point)
    try await rollBack(vpg)

    progress.chapter("Failover again, then commit")
    figures.failover = try await failOver(vpg, to: point)
    try await commit(vpg)
  }

  // MARK: The guest at the protected site

  var source: LabGuest { lab.guest(Self.vmName, at: london) }

  func waitForSource() async throws {
    guard try await source.waitUntilServing(seconds: 240) else {
      throw LabError("\(Self.vmName) does not answer HTTP at london within 240 s")
    }
    progress.detail("it answers HTTP; its last number is \(try await lastNumber(of: source))")
  }

  /// The last number that is on all disks of a guest.
  func lastNumber(of guest: LabGuest) async throws -> Int {
    let page = try await guest.page("last") ?? ""
    guard let number = Int(page.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw LabError("\(guest.name): expected a number on /last, got “\(page)”")
    }
    return number
  }

  /// Overwrites the data disk from inside the guest, and sees that it is lost.
  func damageSource() async throws {
    try await source.run("/sbin/ransomware", seconds: 180)
    if let page = try await source.page("vdb-seq"), SequenceFile(page) != nil {
      throw LabError("the data disk was overwritten, but its file still reads well")
    }
    progress.detail("the data disk of \(Self.vmName) is overwritten; its file is unreadable")
  }

  /// Waits until the other site has everything, and notes how many writes that is.
  mutating func countReplicatedWrites() async throws {
    let gauge = StreamGauge(site: london)
    var status = try await gauge.status()
    let wanted = status.lastSequence
    let isThere = try await Waiting.until(seconds: 30) {
      status = try await gauge.status()
      return status.acknowledgedSequence >= wanted
    }
    guard isThere else {
      throw LabError("paris has \(status.acknowledgedSequence) records, not \(wanted)")
    }
    figures.replicatedWrites = status.writeCount
    progress.detail("\(status.writeCount) writes are replicated so far")
  }

  static func seconds(since start: ContinuousClock.Instant) -> Double {
    (ContinuousClock.now - start) / .seconds(1)
  }

  static func rounded(_ seconds: Double) -> String { String(format: "%.1f s", seconds) }
}
