// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel

/// Two sites on one machine, each with its own libvirtd, appliance and manager, and VMs to protect.
///
/// All it makes is in its folder, in its two network namespaces, or named after them; nothing
/// else on the machine is touched. Each step looks first whether its work is there already, so
/// that ``up()`` mends a lab that a crash left half made and ``down()`` removes one.
package struct Lab: Sendable {
  package let settings: LabSettings
  /// Takes a line of progress, for a person.
  let report: @Sendable (String) -> Void

  package init(
    settings: LabSettings,
    report: @escaping @Sendable (String) -> Void = { ProgressLine.write($0) }
  ) {
    self.settings = settings
    self.report = report
  }

  static let siteNames = ["london", "paris"]

  // MARK: Up

  /// Brings the lab up, or mends it; what runs is left running.
  package func up() async throws {
    try requireRoot()
    let images = try await GuestImage(cacheFolder: settings.cacheFolder).disks(report: report)
    var record = try await recordOrNew(bootDisk: images.boot)
    let sites = sites(of: record)
    try makeFolders(of: sites, noting: &record)
    try await SiteNetwork(sites: sites).up()
    for site in sites {
      report("\(site.name): libvirtd")
      try await SiteLibvirt(site: site, allowsKVM: record.allowsKVM)
        .up(capabilities: settings.cacheFolder + "/capabilities-\(record.allowsKVM)")
    }
    try await startVMs(at: sites, images: images, noting: &record)
    for (index, site) in sites.enumerated() {
      report("\(site.name): appliance and manager")
      let daemons = SiteDaemons(
        site: site,
        allowsKVM: record.allowsKVM,
        executable: settings.executable
      )
      try daemons.writeConfigurations()
      if !record.sites[index].hasUser {
        try await daemons.addUser()
        record.sites[index].hasUser = true
        try record.save(in: settings.folder)
      }
      try await daemons.up()
    }
  }

  private func requireRoot() throws {
    guard getuid() == 0 else {
      throw LabError("the lab makes network namespaces and runs libvirtd: run this as root")
    }
  }

  /// The lab's record, or that of a new lab in a folder and under names nobody uses.
  private func recordOrNew(bootDisk: String) async throws -> LabRecord {
    let files = FileManager.default
    if let record = try LabRecord.load(from: settings.folder) {
      guard record.name == settings.name else {
        throw LabError("\(settings.folder) holds the lab “\(record.name)”, not “\(settings.name)”")
      }
      return record
    }
    if let found = try? files.contentsOfDirectory(atPath: settings.folder), !found.isEmpty {
      throw LabError(
        "\(settings.folder) is not empty and holds no lab: not touching it (choose another folder)"
      )
    }
    report("trying KVM")
    let allowsKVM = try await KVMProbe.works(bootDisk: bootDisk)
    report(allowsKVM ? "KVM works" : "KVM does not work here: guests are emulated (TCG)")
    let record = LabRecord(
      name: settings.name,
      slot: try await SiteNetwork.freeSlot(),
      allowsKVM: allowsKVM,
      sites: Self.siteNames.map { name in
        LabRecord.Site(
          name: name,
          identifier: SiteIdentifier(UUID().uuidString.lowercased()),
          hostUUID: UUID().uuidString.lowercased(),
          user: "administrator",
          password: Self.randomPassword()
        )
      }
    )
    for site in sites(of: record) where SiteNetwork.exists(site) {
      throw LabError(
        "there is a network namespace \(site.namespace) that is not this lab's: choose another name"
      )
    }
    try files.createDirectory(
      atPath: settings.folder,
      withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o755]
    )
    try record.save(in: settings.folder)
    return record
  }

  private static func randomPassword() -> String {
    let letters = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    return String((0..<16).map { _ in letters[Int.random(in: 0..<letters.count)] })
  }

  private func makeFolders(of sites: [LabSite], noting record: inout LabRecord) throws {
    let files = FileManager.default
    for site in sites {
      for folder in ["log", "sock", "manager", "appliance", "authority", "datastore1"] {
        try files.createDirectory(
          atPath: "\(site.folder)/\(folder)",
          withIntermediateDirectories: true
        )
      }
    }
    // libvirtd's folders are where the sites' own ones are mounted, so they have to exist.
    for folder in SiteLibvirt.boundFolders.values.sorted() where !files.fileExists(atPath: folder) {
      record.createdFolders.append(folder)
      try record.save(in: settings.folder)
      try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
  }

  /// Defines the VMs at the first site and starts them.
  ///
  /// A VM that is off is started once after each start of the machine; see
  /// ``LabRecord/awaitsStart(_:in:)``. One that is known at the other site was recovered there, and
  /// is not started.
  private func startVMs(
    at sites: [LabSite],
    images: GuestImage.Disks,
    noting record: inout LabRecord
  ) async throws {
    let home = SiteLibvirt(site: sites[0], allowsKVM: record.allowsKVM)
    let other = SiteLibvirt(site: sites[1], allowsKVM: record.allowsKVM)
    let defined = try await home.names(["list", "--all", "--name"])
    let running = try await home.names(["list", "--name"])
    let elsewhere = try await other.names(["list", "--all", "--name"])
    let run = try MachineRun.identifier()
    // An older record does not tell: rather a VM that stays off than one that runs twice.
    record.note(started: record.startedVMs == nil ? defined : running, in: run)
    try record.save(in: settings.folder)
    for vm in LabVM.all where !running.contains(vm.name) && !elsewhere.contains(vm.name) {
      let isNew = !defined.contains(vm.name)
      guard isNew || record.awaitsStart(vm.name, in: run) else {
        report("\(sites[0].name): VM \(vm.name) was switched off and stays so")
        continue
      }
      report("\(sites[0].name): VM \(vm.name)")
      if isNew {
        try await makeDisks(of: vm, at: sites[0], images: images)
        try await home.define(vm.domain(at: sites[0], allowsKVM: record.allowsKVM), by: "define")
      }
      try await home.virsh(["start", vm.name])
      record.note(started: [vm.name], in: run)
      try record.save(in: settings.folder)
    }
  }

  private func makeDisks(of vm: LabVM, at site: LabSite, images: GuestImage.Disks) async throws {
    for target in vm.targets {
      let disk = vm.diskPath(target, at: site)
      try FileManager.default.createDirectory(
        at: URL(filePath: disk).deletingLastPathComponent(),
        withIntermediateDirectories: true
      )
      try await Program.run([
        "cp", "--sparse=always", target == "vda" ? images.boot : images.data, disk,
      ])
    }
  }

  // MARK: Down

  /// Ends and removes all of the lab, however much of it there is.
  ///
  /// - Returns: False if there was no lab.
  @discardableResult
  package func down() async throws -> Bool {
    try requireRoot()
    guard let record = try LabRecord.load(from: settings.folder) else {
      if let found = try? FileManager.default.contentsOfDirectory(atPath: settings.folder),
        !found.isEmpty
      {
        throw LabError("\(settings.folder) holds no lab: not touching it")
      }
      return false
    }
    let sites = sites(of: record)
    for site in sites.reversed() {
      report("\(site.name): stopping")
      let daemons = SiteDaemons(
        site: site,
        allowsKVM: record.allowsKVM,
        executable: settings.executable
      )
      try await daemons.manager.stop()
      try await SiteLibvirt(site: site, allowsKVM: record.allowsKVM).down()
      try await daemons.appliance.stop()
      try await endProcesses(of: site)
    }
    try await SiteNetwork(sites: sites).down()
    // Inside out.
    for folder in record.createdFolders.sorted(by: >) { MountFolder.removeIfUnused(folder) }
    try FileManager.default.removeItem(atPath: settings.folder)
    return true
  }

  /// Kills what is left in a site's namespace: nothing but the lab is in there.
  private func endProcesses(of site: LabSite) async throws {
    let gone = try await Waiting.until(seconds: 10) {
      let left = try await SiteNetwork.processes(in: site)
      for pid in left { kill(pid, SIGKILL) }
      return left.isEmpty
    }
    guard gone else {
      let left = try await SiteNetwork.processes(in: site)
      throw LabError("processes of \(site.name) do not end: \(left)")
    }
  }

  // MARK: Parts

  func sites(of record: LabRecord) -> [LabSite] {
    record.sites.enumerated().map {
      LabSite($1, index: $0, of: record, in: settings.folder)
    }
  }

  /// The lab's sites: first the one VMs are protected at.
  ///
  /// - Throws: ``LabError`` if there is no lab.
  package func sites() throws -> [LabSite] {
    guard let record = try LabRecord.load(from: settings.folder) else {
      throw LabError("there is no lab in \(settings.folder): `understudy lab up` makes one")
    }
    return sites(of: record)
  }
}
