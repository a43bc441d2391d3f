// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel

/// The REST API of a manager of 10,000 VMs in 2,000 VPGs, with a year of events.
enum RESTLoad {
  static let benchmark = Benchmark(
    rows: [
      "api-vpgs", "api-vpgs-of-a-site", "api-vpgs-beside-stub", "api-vpgs-cpu", "api-one-p99",
      "api-one-cpu", "api-poll-answered", "api-poll-queue", "api-poll-cpu",
      "api-events-of-an-hour", "api-memory",
    ],
    run: run
  )

  /// About a hundred for each VPG.
  private static let eventCount = 200_000
  private static let calls = 20

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let manager = try await ManagerProcess(eventCount: eventCount, stage: stage)
    let rows =
      try await listings(manager, stage, effort) + objects(manager, stage, effort)
      + polling(manager, stage, effort) + events(manager, stage)
    let memory = Double(try manager.figures.peakByteCount) / Double(1 << 20)
    return rows + [Row("api-memory", ours: memory, unit: "MiB", atMost: 300)]
  }

  private static func load(
    _ paths: [String],
    _ amount: HTTPLoad.Amount,
    of manager: ManagerProcess,
    _ stage: Stage
  ) throws -> HTTPLoad {
    try HTTPLoad(
      paths.map { "\(manager.url)/v1/\($0)" },
      header: manager.sessionHeader,
      amount,
      stage: stage
    )
  }

  // MARK: Listings

  private static func listings(
    _ manager: ManagerProcess,
    _ stage: Stage,
    _ effort: Effort
  ) async throws -> [Row] {
    let file = stage.path("vpgs.json")
    try Program.run(
      "curl",
      ["-sk", "-H", manager.sessionHeader, "-o", file, "\(manager.url)/v1/vpgs"],
      stage: stage
    )
    let list = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: file)))
    guard (list as? [Any])?.count == BigSite.vpgCount else {
      throw BenchError("the listing does not have \(BigSite.vpgCount) VPGs")
    }
    let stub = try await Flask(
      file: file,
      certificate: stage.path("identity/cert.pem"),
      key: stage.path("identity/key.pem"),
      stage: stage
    )
    let both = try await Alternated(effort.repeats) {
      try load(["vpgs"], .calls(calls), of: manager, stage).median
    } peer: {
      try HTTPLoad([stub.url], .calls(calls), stage: stage).median
    }
    let cpu = try await Alternated(effort.repeats) {
      try cpuMilliseconds(manager.figures) { try load(["vpgs"], .calls(calls), of: manager, stage) }
    } peer: {
      try cpuMilliseconds(stub.figures) { try HTTPLoad([stub.url], .calls(calls), stage: stage) }
    }
    let site = manager.site.peers[0]
    let filtered = try load(
      ["vpgs?protectedSiteIdentifier=\(site)"],
      .calls(calls * effort.repeats),
      of: manager,
      stage
    )
    let (ours, peer) = (both.ours.median { $0 }, both.peer.median { $0 })
    return [
      Row("api-vpgs", ours: ours, unit: "ms", atMost: 300),
      Row("api-vpgs-of-a-site", ours: filtered.median, unit: "ms", atMost: 150),
      Row("api-vpgs-beside-stub", ours: ours, peer: peer, unit: "ms", .atMost(2)),
      Row(
        "api-vpgs-cpu",
        ours: cpu.ours.median { $0 },
        peer: cpu.peer.median { $0 },
        unit: "ms",
        .atMost(2)
      ),
    ]
  }

  /// The processor time that a process took for each of the calls, in milliseconds: it says the
  /// same on a machine that is busy with other things.
  private static func cpuMilliseconds(
    _ figures: ProcessFigures,
    of calls: () throws -> HTTPLoad
  ) throws -> Double {
    let before = try figures.cpuSeconds
    let count = try calls().milliseconds.count
    return (try figures.cpuSeconds - before) * 1000 / Double(count)
  }

  // MARK: Single objects

  private static func objects(
    _ manager: ManagerProcess,
    _ stage: Stage,
    _ effort: Effort
  ) throws -> [Row] {
    let vpgs = stride(from: 0, to: BigSite.vpgCount, by: 97).map { manager.site.vpgs[$0] }
    let paths = vpgs.flatMap { ["vpgs/\($0.identifier)", "vms/\($0.vms[0].identifier)"] }
    // A run before the one that counts: caches are filled, connections are not.
    var (worst, cpu) = (0.0, 0.0)
    for turn in 0...1 {
      let seconds = turn == 0 ? 2 : 5 * Int(effort.seconds)
      cpu = try cpuMilliseconds(manager.figures) {
        let found = try load(
          paths,
          .rate(clients: 10, perSecond: 50, seconds: seconds),
          of: manager,
          stage
        )
        worst = found.p99
        return found
      }
    }
    return [
      Row("api-one-p99", ours: worst, unit: "ms", atMost: 10),
      Row("api-one-cpu", ours: cpu, unit: "ms", atMost: 1),
    ]
  }

  // MARK: Polling

  /// A hundred clients that each look at something every second: a VPG, a VM, the alerts, the
  /// tasks and the events of the last hour.
  private static func polling(
    _ manager: ManagerProcess,
    _ stage: Stage,
    _ effort: Effort
  ) throws -> [Row] {
    let vpg = manager.site.vpgs[1]
    let seconds = effort.divisor == 1 ? 300 : 12
    var found: [Double] = []
    let paths = [
      "vpgs/\(vpg.identifier)", "vms/\(vpg.vms[0].identifier)", "alerts", "tasks",
      "vpgs?name=\(vpg.name.replacing(" ", with: "%20"))", lastHour(),
    ]
    let cpu = try cpuMilliseconds(manager.figures) {
      let load = try load(
        paths,
        .rate(clients: 100, perSecond: 1, seconds: seconds),
        of: manager,
        stage
      )
      found = load.milliseconds
      return load
    }
    let third = found.count / 3
    let first = Array(found.prefix(third)).median { $0 }
    let last = Array(found.suffix(third)).median { $0 }
    let perSecond = Double(found.count) / Double(seconds)
    return [
      Row("api-poll-answered", ours: perSecond, peer: 100, unit: "1/s", .atLeast(0.98)),
      Row("api-poll-queue", ours: last, peer: first, unit: "ms", .atMost(1.5)),
      Row("api-poll-cpu", ours: cpu, unit: "ms", atMost: 5),
    ]
  }

  private static func events(_ manager: ManagerProcess, _ stage: Stage) throws -> [Row] {
    let found = try load([lastHour()], .calls(calls * 5), of: manager, stage)
    return [Row("api-events-of-an-hour", ours: found.median, unit: "ms", atMost: 10)]
  }

  private static func lastHour() -> String {
    let start = Date(timeIntervalSinceNow: -3600).formatted(.iso8601)
    return "events?startDate=\(start)"
  }
}
