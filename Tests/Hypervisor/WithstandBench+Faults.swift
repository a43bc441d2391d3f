// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Lab

// What tests break and start again.
extension WithstandBench {
  func daemons(of site: LabSite) -> SiteDaemons {
    SiteDaemons(site: site, allowsKVM: false, executable: lab.settings.executable)
  }

  /// Starts a site's appliance and manager where they do not run.
  func startDaemons(at site: LabSite) async throws { try await daemons(of: site).up() }

  /// Kills a process and waits until there is nothing left of it.
  func kill(_ pid: Int32) async throws {
    Foundation.kill(pid, SIGKILL)
    let isGone = try await Waiting.until(seconds: 10, every: .milliseconds(10)) {
      Self.hasEnded(pid)
    }
    guard isGone else { throw LabError("process \(pid) does not end") }
  }

  /// Whether every thread of a process has ended, and with the last one its sockets and locks.
  ///
  /// A process that nobody waited for stays in proc(5) as a zombie, state `Z`.
  private static func hasEnded(_ pid: Int32) -> Bool {
    let tasks = "/proc/\(pid)/task"
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
    return threads.allSatisfy { thread in
      guard let text = try? String(contentsOfFile: "\(tasks)/\(thread)/stat", encoding: .utf8),
        let name = text.lastIndex(of: ")")
      else { return true }
      return ["Z", "X"].contains(text[text.index(after: name)...].split(separator: " ").first)
    }
  }

  /// Kills a site's manager.
  func killManager(of site: LabSite) async throws {
    try await kill(try #require(daemons(of: site).manager.processIdentifier))
  }

  /// The process of an appliance that holds its connections and disks, once there is one: after a
  /// death its supervisor starts another.
  func worker(of site: LabSite) async throws -> Int32 {
    try await worker(under: try supervisor(of: site))
  }

  func worker(under supervisor: Int32) async throws -> Int32 {
    var worker: Int32?
    _ = try await Waiting.until(seconds: 10, every: .milliseconds(10)) {
      worker = try Self.children(of: supervisor).first { !Self.hasEnded($0) }
      return worker != nil
    }
    return try #require(worker, "the appliance has no worker")
  }

  /// The children of all threads of a process, proc(5).
  private static func children(of process: Int32) throws -> [Int32] {
    let threads = "/proc/\(process)/task"
    return try FileManager.default.contentsOfDirectory(atPath: threads).flatMap { thread in
      try String(contentsOfFile: "\(threads)/\(thread)/children", encoding: .utf8)
        .split(separator: " ").compactMap { Int32($0) }
    }
  }

  /// The process that starts the worker again.
  func supervisor(of site: LabSite) throws -> Int32 {
    try #require(daemons(of: site).appliance.processIdentifier)
  }

  /// Takes the link between the sites down, or up again.
  func setLink(up: Bool) async throws {
    try await Program.run([
      "ip", "-n", london.namespace, "link", "set", "dev", "peer0", up ? "up" : "down",
    ])
  }

  /// Loses a site: all that runs there is killed at once, and its link is down.
  func loseSite(_ site: LabSite) async throws {
    try await setLink(up: false)
    let isGone = try await Waiting.until(seconds: 20) {
      let left = try await SiteNetwork.processes(in: site)
      for pid in left { Foundation.kill(pid, SIGKILL) }
      return left.isEmpty
    }
    guard isGone else { throw LabError("the processes of \(site.name) do not end") }
  }

  // MARK: What is there

  /// Checks what the recovered VM found on its disks when it came up.
  func checkRecoveredVM(at point: DemoPoint) async throws {
    let guest = lab.guest(Self.vmName, at: paris)
    guard try await guest.waitUntilServing(seconds: 120) else {
      throw LabError("\(Self.vmName) does not answer at paris")
    }
    let boot = try #require(try await guest.page("found-seq", seconds: 20))
    let data = try #require(try await guest.page("found-vdb-seq", seconds: 20))
    #expect(point.bounds.fault(bootDisk: boot, dataDisk: data) == nil)
  }

  /// Checks that a guest's numbers have no gap on either disk, or on those named.
  func checkSequence(
    of guest: LabGuest,
    on pages: [String] = ["seq", "vdb-seq"]
  ) async throws {
    for page in pages {
      let text = try #require(try await guest.page(page, seconds: 20))
      #expect(SequenceFile(text)?.lastOfUnbroken != nil, "\(page) of \(guest.name)")
    }
  }

  /// Where the VM runs: `london`, `paris`, or both.
  func placesOfVM() async throws -> [String] {
    var places: [String] = []
    for site in [london, paris] {
      if try await lab.runningVMNames(at: site).contains(Self.vmName) { places.append(site.name) }
    }
    return places
  }

  /// What recoveries left at paris: VMs, overlays, sockets of exports.
  func leftovers() async throws -> [String] {
    let folders = try await Program.run([
      "find", paris.datastoreFolder, paris.socketFolder, "-name", "*understudy-*", "-o",
      "-name", "*.qcow2", "-o", "-name", "export*",
    ])
    return try await lab.vmNames(at: paris)
      + folders.split(whereSeparator: \.isNewline).map(String.init)
  }
}
