// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import Orchestration
import RecoveryModel

extension FakeSite {
  static let profile = ServiceProfile(
    identifier: "6b1f2c0e-0000-4000-8000-0000000000d1",
    name: "Gold",
    rpoInSeconds: 10,
    historyInHours: 48
  )
  static let zorg = Organisation(identifier: "6b1f2c0e-0000-4000-8000-0000000000c1", name: "Org")
  static let recovery = "6b1f2c0e-0000-4000-8000-0000000000b1"

  func now() -> WallTime { Self.time }

  func licence() -> LicenceView {
    LicenceView(
      licence: licenceKey.map { LicenceRecord(key: $0, since: Self.time) },
      sites: [.init(identifier: Self.london, name: "london", protectedVMs: 1)]
    )
  }

  func setLicence(_ key: String?, user: String) { licenceKey = key }

  func tweaks() -> Tweaks { settings }

  func set(_ tweak: Tweak, to setting: Tweaks.Setting?, user: String) throws(SiteError) {
    if let setting, !tweak.range.contains(setting.value) { throw .invalid("too much") }
    settings[tweak] = setting
  }

  func setHypervisorAccount(_ account: HypervisorAccount, user: String) throws(SiteError) {
    guard account.password != "wrong" else { throw .invalid("it does not let u in") }
  }

  func reportUsage(user: String) { usageReports.append(user) }
  func serviceProfiles() -> [ServiceProfile] { [Self.profile] }
  func organisations() -> [Organisation] { [Self.zorg] }

  private static let datastore = Inventory.Datastore(
    identifier: DatastoreIdentifier("11111111-aaaa.datastore-one"),
    host: host,
    name: "one",
    path: "/one",
    capacityInBytes: 1 << 40,
    freeInBytes: 1 << 39
  )

  func volumes() -> [VolumeView] {
    VolumeView.Kind.allCases.map { kind in
      VolumeView(
        kind: kind,
        identifier: "\(kind.rawValue)-1",
        path: "/one/web1/\(kind.rawValue).raw",
        usedByteCount: 1 << 20,
        provisionedByteCount: 1 << 30,
        datastore: Self.datastore,
        vpg: Self.vpg,
        vpgName: "App1",
        protectedVM: Self.web,
        protectedVMName: "web1",
        owner: "vra-1",
        ownerName: "vra-1"
      )
    }
  }

  func datastores() -> [DatastoreView] {
    var view = DatastoreView(datastore: Self.datastore, volumes: volumes(), applianceCount: 1)
    view.alerts = alertRecords
    var away = Self.datastore
    away.identifier = DatastoreIdentifier("11111111-aaaa.datastore-away")
    away.type = "netfs"
    var other = DatastoreView(datastore: away, volumes: [], applianceCount: 0)
    other.isAvailable = false
    return [view, other]
  }

  func statistics() -> [VMStatistics] {
    [
      VMStatistics(
        vm: Self.web,
        vpg: Self.vpg,
        writeCount: 7,
        writtenByteCount: 3 << 20,
        syncByteCount: 5 << 20,
        sentByteCount: 2 << 20,
        time: Self.time
      )
    ]
  }

  /// Three samples of one VM, an hour apart.
  static var samples: [ResourceSample] {
    (0..<3).map { index in
      var sample = ResourceSample(
        time: WallTime(milliseconds: time.milliseconds + Int64(index) * 3_600_000),
        vpg: vpg,
        vpgName: "App1",
        vm: web,
        vmName: "web1"
      )
      sample.organisation = zorg.identifier
      sample.serviceProfile = profile.identifier
      sample.protected.siteName = "london"
      sample.protected.usedByteCount = 1 << 29
      sample.protected.cpuUsedInMHz = 120
      sample.protected.cpuLimitInMHz = 1500
      sample.protected.memoryReservedInMB = 192
      sample.recovery.datastoreNames = ["two"]
      sample.recovery.journalUsedByteCount = 1 << 30
      sample.throughput = 1000
      return sample
    }
  }

  func resourceSamples(_ query: SampleQuery) -> [ResourceSample] {
    let found = Self.samples.filter { sample in
      query.start ?? sample.time <= sample.time && sample.time <= query.end ?? sample.time
        && query.matches?(sample) ?? true
    }
    return Array(found.dropFirst(query.offset).prefix(query.limit))
  }

  static let recoveryReports: [RecoveryReport] = {
    var report = RecoveryReport(
      identifier: recovery,
      kind: .failoverTest,
      vpg: vpg,
      vpgName: "App1",
      protectedSiteName: "london",
      recoverySiteName: "paris",
      user: "admin",
      checkpoint: checkpoints[0],
      began: time,
      recovered: WallTime(milliseconds: time.milliseconds + 12_400),
      ended: WallTime(milliseconds: time.milliseconds + 60_000),
      failure: "",
      notes: "all well",
      steps: [
        .init(
          description: "Start the VM web1",
          began: time,
          ended: WallTime(milliseconds: time.milliseconds + 3000),
          failure: ""
        )
      ],
      machines: [
        .init(
          name: "web1",
          hostName: "h",
          datastoreName: "d",
          folderName: "root",
          networkNames: ["n"],
          volumes: [.init(name: "scsi:0:0", datastoreName: "d")]
        )
      ],
      defaults: .init(hostName: "h", datastoreName: "d", networkName: "n")
    )
    report.rpoInSeconds = 4.25
    report.requests = [.init(description: "Begin a failover test", user: "admin", time: time)]
    report.verifications = [
      .init(subject: "web1", finding: "5 < 6 & it ran", hasPassed: true, time: time)
    ]
    return [report]
  }()

  func recoveryReports(from start: WallTime?, to end: WallTime?) -> [RecoveryReport] {
    Self.recoveryReports.filter { start ?? $0.began <= $0.began && $0.began <= end ?? $0.began }
  }

  func recoveryReport(_ identifier: String) throws(SiteError) -> RecoveryReport {
    guard let report = Self.recoveryReports.first(where: { $0.identifier == identifier }) else {
      throw .notFound("There is no recovery operation \(identifier).")
    }
    return report
  }
}
