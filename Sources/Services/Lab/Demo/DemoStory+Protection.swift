// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import RESTClient
internal import RecoveryModel

/// A checkpoint, and what the guest had written around it.
struct DemoPoint: Sendable {
  let identifier: String
  let bounds: SequenceBounds
}

extension DemoStory {
  /// Pairs the sites: a token of the one, taken to the other.
  func pairSites() async throws {
    let answer = try await recovery.post("/peersites/generatetoken")
    guard case .text(let token) = answer["Token"] else {
      throw LabError("generatetoken at paris: expected a token, got \(answer)")
    }
    let body: JSON = [
      "HostName": .text(paris.peerAddress), "Port": .number(Double(LabSite.peerPort)),
      "Token": .text(token),
    ]
    try await protected.perform("/peersites", body, seconds: 60)
    progress.detail("london and paris are paired")
  }

  /// Creates the VPG as a client does: blank settings, filled in, committed.
  ///
  /// `preseeds`: images at paris that become replicas, by the disks' identifiers. `site` is where
  /// the VM is recovered, paris if nothing is said, and `datastore` one of its; `name` is the
  /// VPG's.
  ///
  /// - Returns: Its identifier.
  func createVPG(
    preseeds: [String: String] = [:],
    at site: LabSite? = nil,
    on datastore: String = "datastore1",
    named name: String = Self.vpgName
  ) async throws -> String {
    let site = site ?? paris
    let created = try await protected.post("/vpgSettings")
    guard let identifier = created.text else {
      throw LabError("POST /vpgSettings: expected an identifier, got \(created)")
    }
    let path = "/vpgSettings/\(identifier)"
    var settings = try await protected.get(path)
    let pick = SiteInventory(client: protected, site: site.identifier.rawValue)
    settings["Basic"]["Name"] = .text(name)
    settings["Basic"]["ProtectedSiteIdentifier"] = .text(london.identifier.rawValue)
    settings["Basic"]["RecoverySiteIdentifier"] = .text(site.identifier.rawValue)
    let datastore = try await pick.datastore(datastore)
    settings["Recovery"]["DefaultHostIdentifier"] = try await pick.host(nil)
    settings["Recovery"]["DefaultDatastoreIdentifier"] = datastore
    settings["Recovery"]["DefaultFolderIdentifier"] = try await pick.folder(nil)
    settings["Journal"]["DatastoreIdentifier"] = datastore
    settings["Networks"]["Failover"]["Hypervisor"]["DefaultNetworkIdentifier"] =
      try await pick.network("production")
    settings["Networks"]["FailoverTest"]["Hypervisor"]["DefaultNetworkIdentifier"] =
      try await pick.network("test")
    try await protected.put(path, settings)
    let home = SiteInventory(client: protected, site: london.identifier.rawValue)
    let vm = try await home.vm(Self.vmName)
    try await protected.post(path + "/vms", ["VmIdentifier": vm])
    for (volume, image) in preseeds {
      let place = "\(path)/vms/\(vm.text ?? "")/volumes/\(volume)"
      var settings = try await protected.get(place)
      settings["Preseed"] = ["DatastoreIdentifier": datastore, "Path": .text(image)]
      try await protected.put(place, settings)
    }
    try await protected.perform(path + "/commit", seconds: 120)

    let vpgs = try await protected.get("/vpgs").elements
    guard let vpg = vpgs.first(where: { $0["VpgName"].text == name }),
      let vpgIdentifier = vpg["VpgIdentifier"].text
    else { throw LabError("the VPG was committed, but GET /vpgs does not list it") }
    progress.detail("the VPG “\(name)” protects \(Self.vmName)")
    return vpgIdentifier
  }

  mutating func waitForInitialSync(of vpg: String) async throws {
    let start = ContinuousClock.now
    var last: JSON = .null
    let synced = try await Waiting.until(seconds: 300, every: .milliseconds(250)) {
      last = try await protected.get("/vpgs/\(vpg)")
      let earliest = last["HistoryStatusApi"]["EarliestCheckpoint"]["CheckpointIdentifier"].text
      return last["Status"].int == 1 && earliest != nil
    }
    guard synced else {
      throw LabError(
        "no checkpoint 300 s after the VPG was made: status \(last["Status"].int ?? -1), "
          + "substatus \(last["SubStatus"].int ?? -1), "
          + "progress \(last["ProgressPercentage"].int ?? -1) %"
      )
    }
    let seconds = Self.seconds(since: start)
    figures.initialSyncInSeconds = seconds
    progress.detail("initial sync and first checkpoint after \(Self.rounded(seconds))")
  }

  /// Takes `ActualRPO` once a second, and the appliance's finer figure several times between.
  mutating func watchRPO(of vpg: String, seconds: Int) async throws {
    let gauge = StreamGauge(site: london)
    for _ in 0..<seconds {
      let end = ContinuousClock.now + .seconds(1)
      while ContinuousClock.now < end {
        figures.rpoInMilliseconds.append(try await gauge.status().rpoInMilliseconds)
        try await Task.sleep(for: .milliseconds(170))
      }
      let answer = try await protected.get("/vpgs/\(vpg)")
      guard let rpo = answer["ActualRPO"].int, rpo >= 0 else {
        throw LabError("ActualRPO: expected seconds, got \(answer["ActualRPO"])")
      }
      figures.rpoInSeconds.append(rpo)
    }
    progress.detail("ActualRPO over \(seconds) s: \(figures.rpoInSeconds) s")
  }

  /// Inserts the tagged checkpoint, and notes the guest's number before and after it.
  mutating func insertCheckpoint(of vpg: String) async throws -> DemoPoint {
    let before = try await lastNumber(of: source)
    try await protected.perform(
      "/vpgs/\(vpg)/checkpoints",
      ["CheckpointName": .text(Self.tag)],
      seconds: 120
    )
    let after = try await lastNumber(of: source)
    // The recovery site has to know it: it is the one that is left when the other is gone.
    var checkpoints: [JSON] = []
    let found = try await Waiting.until(seconds: 30) {
      checkpoints = try await recovery.get("/vpgs/\(vpg)/checkpoints").elements
      return checkpoints.contains { $0["Tag"].text == Self.tag }
    }
    guard found,
      let identifier = checkpoints.first(where: { $0["Tag"].text == Self.tag })?[
        "CheckpointIdentifier"
      ].text
    else { throw LabError("paris does not list the checkpoint “\(Self.tag)” within 30 s") }
    progress.detail(
      "checkpoint \(identifier) “\(Self.tag)”, between the numbers \(before) and \(after)"
    )
    return DemoPoint(
      identifier: identifier,
      bounds: SequenceBounds(before: before, after: after)
    )
  }
}
