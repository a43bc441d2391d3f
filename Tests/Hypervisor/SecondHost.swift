// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Lab

/// Another hypervisor host of one of the bench's sites: a libvirtd and an appliance beside those of
/// the lab, on the same storage.
struct SecondHost {
  let bench: WithstandBench
  let folder: String
  let uri: String
  /// What its appliance is called.
  let applianceName: String
  private let site: LabSite
  private let hostName: String
  private let libvirtd: Daemon
  private let appliance: Daemon

  static let controlPort = 9180
  private static let streamPort = 4107

  init(bench: WithstandBench, site: LabSite) {
    self.bench = bench
    self.site = site
    hostName = "\(site.name)-host2"
    applianceName = "\(site.name)-appliance2"
    folder = site.folder + "/host2"
    uri = "qemu+unix:///system?socket=\(folder)/libvirt/run/libvirt-sock"
    // The same as the first host's, with folders and a name of its own.
    let first = SiteLibvirt(site: site, allowsKVM: false).daemon
    let (old, new) = (site.libvirtFolder, folder + "/libvirt")
    libvirtd = Daemon(
      name: "libvirtd",
      logFile: site.logFile("libvirtd2"),
      pidFile: folder + "/libvirtd.pid",
      command: first.command.map { [hostName] in
        $0.replacing(old, with: new).replacing(site.hostName, with: hostName)
      },
      mark: first.mark.replacing(old, with: new)
    )
    let one = bench.daemons(of: site).appliance
    appliance = Daemon(
      name: "appliance",
      logFile: site.logFile("appliance2"),
      pidFile: folder + "/appliance.pid",
      command: one.command.map { [folder] in
        $0.replacing(one.mark, with: folder + "/appliance.json")
      },
      mark: folder + "/appliance.json"
    )
  }

  /// The process that starts the worker of its appliance again.
  var supervisor: Int32? { appliance.processIdentifier }

  private var savedConfiguration: String { folder + "/manager.json" }

  /// Starts libvirtd and appliance, and the manager anew with both hosts.
  func up() async throws {
    try await Program.run(["sh", "-c", Self.preparing, "sh", folder, site.libvirtFolder])
    let settings = folder + "/libvirt/etc/libvirtd.conf"
    let text = try String(contentsOfFile: settings, encoding: .utf8)
      .replacing(site.hostUUID, with: UUID().uuidString.lowercased())
    try Data(text.utf8).write(to: URL(filePath: settings))
    try await libvirtd.start()
    let answers = try await Waiting.until(seconds: 60) {
      try await Program.attempt(["virsh", "-c", uri, "version"], seconds: 20).succeeded
    }
    guard answers else { throw LabError("the second libvirtd: \(libvirtd.lastWords)") }
    for (network, bridge) in [("production", "virbr0"), ("test", "virbr1")] {
      let bridging = "<forward mode='bridge'/><bridge name='\(bridge)'/>"
      try await define("<network><name>\(network)</name>\(bridging)</network>", by: "net-define")
      try await virsh(["net-start", network])
    }
    let target = "<target><path>\(site.datastoreFolder)</path></target>"
    try await define("<pool type='dir'><name>datastore1</name>\(target)</pool>", by: "pool-define")
    try await virsh(["pool-start", "datastore1"])
    try await startAppliance()
    try await restartManager(with: try Self.edited(site.managerConfigurationFile, addSecondHost))
  }

  /// Ends them, and gives the manager its configuration back.
  func down() async throws {
    if let saved = FileManager.default.contents(atPath: savedConfiguration) {
      try await restartManager(with: saved)
    }
    try await appliance.stop()
    _ = try? await virsh(["destroy", WithstandBench.vmName])
    try await libvirtd.stop()
    try FileManager.default.removeItem(atPath: folder)
  }

  func migrate(to destination: String, from source: String) async throws {
    try await Program.run(
      [
        "ip", "netns", "exec", site.namespace, "virsh", "-c", source, "migrate", "--live",
        "--persistent", "--undefinesource", "--unsafe", WithstandBench.vmName, destination,
        "tcp://127.0.0.1",
      ],
      seconds: 120
    )
  }

  /// Waits until both disks of the VM at a host have taps that are ready.
  func waitForTaps(at uri: String) async throws {
    let isTapped = try await Waiting.until(seconds: 90, every: .milliseconds(300)) {
      let jobs = try await Program.attempt(
        [
          "virsh", "-c", uri, "qemu-monitor-command", WithstandBench.vmName,
          #"{"execute":"query-block-jobs"}"#,
        ],
        seconds: 20
      )
      return jobs.output.components(separatedBy: #""status":"ready""#).count == 3
    }
    guard isTapped else { throw LabError("the VM has no taps at \(uri)") }
  }

  private func define(_ xml: String, by command: String) async throws {
    let file = "\(folder)/defined.xml"
    try Data(xml.utf8).write(to: URL(filePath: file))
    try await virsh([command, file])
  }

  @discardableResult
  func virsh(_ arguments: [String]) async throws -> String {
    try await Program.run(["virsh", "-q", "-c", uri] + arguments, seconds: 60)
  }

  /// Folders like the first host's, without its VMs and networks.
  private static let preparing = #"""
    set -e
    mkdir -p "$1/sock" "$1/state" "$1/files"
    for name in etc/qemu etc/storage lib run cache/qemu log; do mkdir -p "$1/libvirt/$name"; done
    cp "$2"/etc/libvirtd.conf "$2"/etc/qemu.conf "$1/libvirt/etc"
    cp "$2/hosts" "$1/libvirt/hosts"
    cp -r "$2/cache/qemu/capabilities" "$1/libvirt/cache/qemu/"
    """#

  private func startAppliance() async throws {
    try await Program.run([
      bench.lab.settings.executable, "identity", "--config", site.managerConfigurationFile,
      "--name", applianceName, "--host", "127.0.0.1", "--host", site.peerAddress, "--into",
      folder + "/identity",
    ])
    let settings = try Self.edited(site.applianceConfigurationFile) { settings in
      settings["name"] = applianceName
      settings["stateFolder"] = folder + "/state"
      settings["runFolder"] = folder + "/sock"
      settings["filesFolder"] = folder + "/files"
      settings["identityFolder"] = folder + "/identity"
      settings["controlPort"] = Self.controlPort
      settings["streamPort"] = Self.streamPort
    }
    try settings.write(to: URL(filePath: folder + "/appliance.json"))
    try await appliance.start()
  }

  private func addSecondHost(_ settings: inout [String: Any]) {
    settings["furtherHosts"] = ["identifier": site.hostUUID, "hypervisorURIs": [uri]]
    var appliances = settings["appliances"] as? [[String: Any]] ?? []
    appliances.append([
      "name": applianceName, "controlURL": "https://127.0.0.1:\(Self.controlPort)",
      "streamHost": site.peerAddress, "streamPort": Self.streamPort, "hostName": hostName,
    ])
    settings["appliances"] = appliances
  }

  private func restartManager(with configuration: Data) async throws {
    let file = URL(filePath: site.managerConfigurationFile)
    if !FileManager.default.fileExists(atPath: savedConfiguration) {
      try Data(contentsOf: file).write(to: URL(filePath: savedConfiguration))
    }
    try await bench.daemons(of: site).manager.stop()
    try configuration.write(to: file)
    try await bench.startDaemons(at: site)
  }

  private static func edited(
    _ path: String,
    _ edit: (inout [String: Any]) -> Void
  ) throws -> Data {
    let data = try Data(contentsOf: URL(filePath: path))
    var settings = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    edit(&settings)
    return try JSONSerialization.data(withJSONObject: settings)
  }
}
