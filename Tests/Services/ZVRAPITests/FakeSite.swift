// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import Orchestration
import RecoveryModel
import Scripts
import Store

/// A site of one VPG with one VM and of one VM without, that notes what it is told.
actor FakeSite: SiteService {
  static let london = SiteIdentifier("6b1f2c0e-0000-4000-8000-000000000001")
  static let paris = SiteIdentifier("6b1f2c0e-0000-4000-8000-000000000002")
  static let vpg = VPGIdentifier("6b1f2c0e-0000-4000-8000-00000000000a")
  static let web = VMIdentifier("11111111-aaaa.vm-web1")
  static let app = VMIdentifier("11111111-aaaa.vm-app1")
  static let host = HostIdentifier("11111111-aaaa.host-london.example")
  static let alert = "6b1f2c0e-0000-4000-8000-0000000000af"
  static let event = "6b1f2c0e-0000-4000-8000-0000000000ee"
  static let task = TaskIdentifier("6b1f2c0e-0000-4000-8000-0000000000aa.\(london)")
  static let time = WallTime(milliseconds: 1_714_979_289_123)

  var operations: [VPGOperation] = []
  var wishes: [PointSearchWish] = []
  var repositoryWishes: [RepositoryWish] = []
  var restoreWishes: [RestoreWish] = []
  var relocations: [[VMIdentifier: HostIdentifier]?] = []
  var applianceWishes: [String] = []
  /// Identifiers of what was to be removed.
  var removed: [String] = []
  var created: [VPGDefinition] = []
  /// Thrown by create and perform, once set.
  var refusal: SiteError?
  var definition = FakeSite.makeDefinition()
  var events: [EventRecord] = [
    EventRecord(
      identifier: FakeSite.event,
      kind: .createVPG,
      occurred: FakeSite.time,
      description: "made",
      succeeded: true,
      userName: "admin",
      vpgs: [FakeSite.vpg],
      site: FakeSite.london
    )
  ]
  var alertRecords: [AlertRecord] = [
    AlertRecord(
      identifier: FakeSite.alert,
      condition: AlertCondition(
        kind: .journalSpaceLow,
        subject: .stream(StreamIdentifier("s")),
        vpgs: [FakeSite.vpg],
        description: "nearly full"
      ),
      turnedOn: FakeSite.time
    )
  ]
  var hasCheckpoints = true
  var testStage: String?
  var splitBrain: SplitBrain?
  var licenceKey: String?
  var settings = Tweaks()
  var usageReports: [String] = []

  /// Real folders, with a script and what one printed.
  nonisolated let scripts = FakeScripts()
  nonisolated var scriptFolders: ScriptFolders? { scripts.folders }

  func refuse(_ error: SiteError?) { refusal = error }
  func setGeneration(_ generation: Int) { definition.generation = generation }
  func setDefinition(_ definition: VPGDefinition) { self.definition = definition }
  func setSplitBrain(_ found: SplitBrain?) { splitBrain = found }
  func setTestStage(_ stage: String?) { testStage = stage }
  func removeCheckpoints() { hasCheckpoints = false }
  func alerts() -> [AlertRecord] { alertRecords }
  func removeAlerts() { alertRecords = [] }

  func setDismissed(_ isDismissed: Bool, alert: String) throws(SiteError) {
    guard let index = alertRecords.firstIndex(where: { $0.identifier == alert }) else {
      throw .notFound("There is no alert \(alert).")
    }
    alertRecords[index].isDismissed = isDismissed
  }

  func setEvents(_ events: [EventRecord]) { self.events = events }

  private(set) var suspended: [String] = []

  func suspendTaps(_ target: TapTarget, minutes: Int, user: String) throws(SiteError) {
    if let refusal { throw refusal }
    let names = [target.vm?.rawValue, target.host?.rawValue, target.disk].compactMap(\.self)
    suspended.append("\(names.joined(separator: " ")) \(minutes)")
  }

  func resumeTaps(_ target: TapTarget, user: String) { suspended = [] }

  func tapSuspensions() -> [TapSuspensionView] {
    suspended.map { _ in
      TapSuspensionView(
        vpg: Self.vpg,
        vmName: "web1",
        suspension: TapSuspension(vm: Self.web, volume: nil, until: Self.time),
        isFree: true
      )
    }
  }

  nonisolated var siteIdentifier: SiteIdentifier { Self.london }

  func names() -> SiteNames {
    SiteNames(
      vpgs: [Self.vpg: definition.name],
      sites: [Self.london: "london", Self.paris: "paris"],
      organisations: [Self.vpg: Self.zorg]
    )
  }

  func localSite() -> LocalSiteView {
    LocalSiteView(
      identifier: Self.london,
      name: "london",
      location: "Thames",
      contactName: "Ann",
      contactEmail: "ann@example.org",
      contactPhone: "1",
      version: "0.1.0",
      address: "10.0.0.1",
      hypervisorVersion: "QEMU 7.2",
      utcOffsetInMinutes: 0
    )
  }

  func peerSites() -> [PeerSiteView] {
    [
      PeerSiteView(
        identifier: Self.paris,
        name: "paris",
        location: "Seine",
        host: "10.0.0.2",
        port: 9081,
        version: "0.1.0",
        isConnected: true,
        provisionedStorageInMB: 100,
        usedStorageInMB: 50,
        incomingMBPerSecond: 0,
        outgoingMBPerSecond: 1.5
      )
    ]
  }

  func generatePairingToken() -> PairingTokenView {
    PairingTokenView(token: "secret", expires: Self.time)
  }

  func pair(host: String, port: Int, token: String, user: String) throws(SiteError)
    -> TaskIdentifier
  {
    if token == "bad" { throw .invalid("the token is wrong") }
    return Self.task
  }

  func unpair(_ site: SiteIdentifier, user: String) throws(SiteError) -> TaskIdentifier {
    if site != Self.paris { throw .notFound("no such site") }
    return Self.task
  }

  func inventory(of site: SiteIdentifier) throws(SiteError) -> Inventory {
    guard [Self.london, Self.paris].contains(site) else { throw .notFound("no such site") }
    return Inventory(
      hosts: [
        .init(identifier: Self.host, name: "london", version: "QEMU 7.2", isConnected: true)
      ],
      datastores: [
        .init(
          identifier: DatastoreIdentifier("11111111-aaaa.datastore-one"),
          host: Self.host,
          name: "one",
          path: "/one",
          capacityInBytes: 100,
          freeInBytes: 50
        )
      ],
      networks: [
        .init(
          identifier: NetworkIdentifier("11111111-aaaa.network-test"),
          hosts: [Self.host],
          name: "test"
        )
      ],
      folders: [.init(identifier: FolderIdentifier("11111111-aaaa.group-root"), name: "/")],
      resourcePools: [
        .init(
          identifier: ResourcePoolIdentifier("11111111-aaaa.resgroup-root"),
          name: "Resources"
        )
      ],
      virtualMachines: site == Self.london
        ? [Self.machine(Self.web, "web1"), Self.machine(Self.app, "app1")] : []
    )
  }

  func unprotectedVMs(of site: SiteIdentifier) -> [VirtualMachine] {
    [Self.machine(Self.app, "app1")]
  }

  func appliances() -> [ApplianceView] {
    var view = ApplianceView(
      identifier: ApplianceIdentifier("vra1"),
      number: 9_007_199_254_740_993,
      host: Self.host,
      hostName: "london",
      hostVersion: "QEMU 7.2",
      address: "10.0.0.3",
      version: "0.1.0",
      isRunning: true,
      memoryInGB: 1,
      cpuCount: 2,
      protected: .init(vpgs: 1, vms: 1, volumes: 2),
      recovery: .init()
    )
    view.alertLevel = alertRecords.map(\.condition.kind.level).max()
    return [view]
  }

  private var vpgCount = 1

  /// Makes the site one of `count` VPGs: the first as it was, the others its copies.
  func setVPGCount(_ count: Int) { vpgCount = count }

  func vpgs(where isWanted: @Sendable (VPGDefinition) -> Bool) -> [VPGView] {
    vpgs().filter { isWanted($0.definition) }
  }

  private func vpgs() -> [VPGView] {
    (0..<vpgCount).map { number in
      var view = view
      view.alertLevel = alertRecords.map(\.condition.kind.level).max()
      view.serviceProfileName = Self.profile.name
      if number > 0 {
        let digits = String(number + 0x1000, radix: 16)
        view.definition.identifier = VPGIdentifier("6b1f2c0e-0000-4000-8001-00000000\(digits)")
        view.definition.name += "-\(number)"
      }
      return view
    }
  }

  func vpg(_ vpg: VPGIdentifier) throws(SiteError) -> VPGView {
    guard vpg == Self.vpg else { throw .notFound("there is no VPG \(vpg)") }
    return view
  }

  func exposure(of vpg: VPGIdentifier) throws(SiteError) -> VPGExposure {
    let view = try self.vpg(vpg)
    let loss = VPGExposure.Loss(writeCount: 7, byteCount: 28_672, oldestInMilliseconds: 140)
    return VPGExposure(
      vpg: vpg,
      name: view.definition.name,
      vms: [
        .init(identifier: Self.web, name: "web1", loss: loss),
        .init(identifier: Self.app, name: "app1", loss: nil),
      ],
      latestCheckpoint: view.latestCheckpoint
    )
  }

  func protectedVMs(_ vm: VMIdentifier) -> [ProtectedVMView] {
    protectedVMs().filter { $0.vm.identifier == vm }
  }

  func protectedVMs(where isWanted: @Sendable (VPGDefinition) -> Bool) -> [ProtectedVMView] {
    protectedVMs().filter { isWanted($0.vpg.definition) }
  }

  private func protectedVMs() -> [ProtectedVMView] {
    vpgs().flatMap { view in view.definition.vms.map { (vm: $0, view: view) } }.map { vm, view in
      ProtectedVMView(
        vm: vm,
        vpg: view,
        virtualMachine: Self.machine(vm.identifier, vm.name),
        hostName: "london",
        datastoreName: "one",
        recoveryHostName: "paris",
        journalUsedInMB: 12,
        actualRPOInSeconds: 4,
        writesPerSecond: 3.4,
        throughputInMBPerSecond: 0.5,
        outgoingMbitPerSecond: 4
      )
    }
  }

  func checkpoints(
    of vpg: VPGIdentifier,
    from start: WallTime?,
    to end: WallTime?
  ) throws(SiteError) -> [Checkpoint] {
    guard vpg == Self.vpg else { throw .notFound("there is no VPG \(vpg)") }
    return hasCheckpoints ? Self.checkpoints : []
  }

  /// As a site does it; that there is another VPG of the name as well.
  private func check(_ definition: VPGDefinition) throws(SiteError) {
    var check = DefinitionCheck(definition)
    check.checkItself(others: [VPGRecord(definition: self.definition)])
    try check.finish()
  }

  private(set) var exports: [VPGExport] = [
    VPGExport(time: WallTime(milliseconds: 1_714_979_289_000), vpgs: [exported])
  ]

  func exportVPGs(named names: [String], user: String) throws(SiteError) -> VPGExport {
    guard names.allSatisfy({ $0 == definition.name }) else { throw .notFound("no such VPG") }
    var entry = Self.exported
    entry.definition = definition
    let export = VPGExport(
      time: WallTime(milliseconds: exports[0].time.milliseconds + 1000),
      vpgs: [entry]
    )
    exports.insert(export, at: 0)
    return export
  }

  func vpgExports() -> [VPGExport] { exports }

  private static var exported: VPGExport.Entry {
    VPGExport.Entry(
      definition: makeDefinition(),
      protectedSiteName: "london",
      recoverySiteName: "paris"
    )
  }

  func create(_ definition: VPGDefinition, user: String) throws(SiteError) -> TaskIdentifier {
    if let refusal { throw refusal }
    try check(definition)
    created.append(definition)
    return Self.task
  }

  func perform(
    _ operation: VPGOperation,
    on vpg: VPGIdentifier,
    user: String
  ) throws(SiteError) -> TaskIdentifier {
    guard vpg == Self.vpg else { throw .notFound("there is no VPG \(vpg)") }
    if let refusal { throw refusal }
    if case .update(let wish) = operation {
      guard wish.generation == definition.generation + 1 else {
        throw .conflict("the VPG was changed by someone else")
      }
      try check(wish)
    }
    operations.append(operation)
    return Self.task
  }

  func tasks() -> [TaskRecord] { [Self.record] }

  func task(_ task: TaskIdentifier) throws(SiteError) -> TaskRecord {
    guard task == Self.task else { throw .notFound("there is no task \(task)") }
    return Self.record
  }

  /// The number of events that were last asked for.
  private(set) var eventLimit = 0

  func events(from start: WallTime?, to end: WallTime?, limit: Int) -> [EventRecord] {
    eventLimit = limit
    return Array(
      events.filter { start ?? $0.occurred <= $0.occurred && $0.occurred <= end ?? $0.occurred }
        .prefix(limit)
    )
  }

  func event(_ identifier: String) throws(SiteError) -> EventRecord {
    guard let event = events.first(where: { $0.identifier == identifier }) else {
      throw .notFound("there is no event \(identifier)")
    }
    return event
  }
}

extension FakeSite {
  static let checkpoints = [
    Checkpoint(identifier: CheckpointIdentifier(101), time: time, tag: ""),
    Checkpoint(
      identifier: CheckpointIdentifier(102),
      time: WallTime(milliseconds: time.milliseconds + 5000),
      tag: "before patch",
      isQuiesced: true
    ),
  ]

  private static var record: TaskRecord {
    var task = TaskRecord(
      identifier: task,
      kind: .createVPG,
      initiatedBy: "admin",
      started: time,
      vpgs: [vpg],
      sites: [london, paris],
      hosts: [host]
    )
    task.progress = 40
    return task
  }

  private var view: VPGView {
    var view = VPGView(
      definition: definition,
      protectedSiteName: "london",
      recoverySiteName: "paris",
      status: .meetingSLA,
      substatus: .none,
      progress: 0,
      actualRPOInSeconds: 4,
      writesPerSecond: 3.4,
      throughputInMBPerSecond: 0.4,
      provisionedStorageInMB: 2048,
      usedStorageInMB: 1024,
      actualHistoryInMinutes: 5,
      earliestCheckpoint: hasCheckpoints ? Self.checkpoints.first : nil,
      latestCheckpoint: hasCheckpoints ? Self.checkpoints.last : nil,
      lastTest: nil,
      testStage: testStage,
      isPaused: false
    )
    view.splitBrain = splitBrain
    return view
  }

  static func machine(_ identifier: VMIdentifier, _ name: String) -> VirtualMachine {
    VirtualMachine(
      identifier: identifier,
      name: name,
      host: host,
      power: .running,
      runIdentifier: 7,
      hardware: VMHardware(
        memoryInMB: 160,
        cpuCount: 1,
        architecture: "x86_64",
        machine: "pc-q35-7.2",
        hasGuestAgent: true,
        macAddresses: ["52:54:00:00:00:01"]
      ),
      disks: [
        .init(
          identifier: VolumeIdentifier("scsi:0:0"),
          target: "vda",
          byteCount: 1 << 30,
          allocatedByteCount: 1 << 29,
          path: "/one/a",
          datastore: DatastoreIdentifier("11111111-aaaa.datastore-one")
        ),
        .init(
          identifier: VolumeIdentifier("scsi:0:1"),
          target: "vdb",
          byteCount: 1 << 30,
          allocatedByteCount: 1 << 29,
          path: "/one/b",
          datastore: DatastoreIdentifier("11111111-aaaa.datastore-one")
        ),
      ],
      nics: [
        .init(
          identifier: NICIdentifier("Network adapter 1"),
          macAddress: "52:54:00:00:00:01",
          network: NetworkIdentifier("11111111-aaaa.network-test"),
          addresses: ["10.0.1.5"]
        )
      ]
    )
  }

  static func makeDefinition() -> VPGDefinition {
    let machine = machine(web, "web1")
    var nic = VPGDefinition.ProtectedNIC(identifier: NICIdentifier("Network adapter 1"))
    nic.failover.network = NetworkIdentifier("22222222-bbbb.network-production")
    nic.failover.address = "10.0.2.5"
    nic.failover.subnetMask = "255.255.255.0"
    var vm = VPGDefinition.ProtectedVM(
      identifier: web,
      name: "web1",
      stream: StreamIdentifier("6b1f2c0e-0000-4000-8000-0000000000f1"),
      nics: [nic],
      volumes: machine.disks.enumerated().map { number, disk in
        VPGDefinition.ProtectedVolume(
          identifier: disk.identifier,
          number: number,
          target: disk.target,
          byteCount: disk.byteCount
        )
      },
      hardware: machine.hardware
    )
    vm.volumes[1].datastore = DatastoreIdentifier("22222222-bbbb.datastore-two")
    return VPGDefinition(
      identifier: vpg,
      name: "App1",
      protectedSite: london,
      recoverySite: paris,
      networks: .init(
        failover: NetworkIdentifier("22222222-bbbb.network-production"),
        failoverTest: NetworkIdentifier("22222222-bbbb.network-test")
      ),
      recovery: .init(
        host: HostIdentifier("22222222-bbbb.host-paris"),
        datastore: DatastoreIdentifier("22222222-bbbb.datastore-one"),
        folder: FolderIdentifier("22222222-bbbb.group-root")
      ),
      vms: [vm]
    )
  }
}
