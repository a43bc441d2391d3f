// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A site's own libvirtd: a network and a mount namespace keep it apart from any other.
///
/// libvirtd's folders are compiled in; in the mount namespace they are the site's. The folders
/// are on disk, so a libvirtd that starts anew, in a new mount namespace, finds its VMs again.
package struct SiteLibvirt: Sendable {
  let site: LabSite
  let allowsKVM: Bool

  /// Folders of libvirt's that the site has its own of.
  static let boundFolders = [
    "etc": "/etc/libvirt", "lib": "/var/lib/libvirt", "run": "/run/libvirt",
    "cache": "/var/cache/libvirt", "log": "/var/log/libvirt",
  ]

  /// The site's `/etc/hosts`: libvirtd looks its own host name up, and without an answer waits for
  /// a name server that the namespace cannot reach.
  private var hosts: String { site.libvirtFolder + "/hosts" }

  /// The daemon.
  var daemon: Daemon {
    let folder = site.libvirtFolder
    let binds =
      Self.boundFolders.sorted { $0.key < $1.key }
      .map { "mount --bind \(folder)/\($0.key) \($0.value)" } + ["mount --bind \(hosts) /etc/hosts"]
    let steps = ["set -e", "hostname \(site.hostName)"] + binds + hidingKVM + ["exec \"$@\""]
    let script = steps.joined(separator: "; ")
    return Daemon(
      name: "libvirtd",
      logFile: site.logFile("libvirtd"),
      pidFile: site.folder + "/libvirtd.pid",
      command: [
        "ip", "netns", "exec", site.namespace,
        "unshare", "--mount", "--uts", "--propagation", "private",
        "sh", "-c", script, "sh",
        "libvirtd", "-f", "\(folder)/etc/libvirtd.conf", "-p", "/run/libvirt/libvirtd.pid",
      ],
      mark: "\(folder)/etc/libvirtd.conf"
    )
  }

  /// Puts a file nobody can write to, not even root, in the place of a `/dev/kvm` that does not
  /// work.
  ///
  /// With anything that can be opened libvirtd asks QEMU for its abilities at each start of a VM
  /// again.
  private var hidingKVM: [String] {
    guard !allowsKVM, FileManager.default.fileExists(atPath: "/dev/kvm") else { return [] }
    return ["mount --bind \(hosts) /dev/kvm", "mount -o remount,bind,ro /dev/kvm"]
  }

  /// Starts libvirtd if need be, and makes the networks and the storage pool.
  ///
  /// - Parameter capabilities: Where what libvirtd found out about QEMU is kept between labs.
  /// - Throws: ``LabError`` if libvirtd does not answer, or with the words of what failed.
  func up(capabilities: String) async throws {
    try prepareFolders(capabilities: capabilities)
    try await daemon.start()
    let answers = try await Waiting.until(seconds: 60) {
      try await Program.attempt(["virsh", "-c", site.hypervisorURI, "version"], seconds: 20)
        .succeeded
    }
    guard answers else {
      throw LabError("libvirtd of \(site.name) does not answer: \(daemon.lastWords)")
    }
    try await defineNetwork(
      "production",
      bridge: "virbr0",
      subnet: site.productionNetwork,
      forwards: true
    )
    try await defineNetwork("test", bridge: "virbr1", subnet: site.testNetwork, forwards: false)
    try await definePool()
    try keepCapabilities(in: capabilities)
  }

  /// Ends VMs, networks and the daemon.
  func down() async throws {
    if daemon.processIdentifier != nil {
      // What does not end this way is ended as a process of the namespace.
      for vm in (try? await names(["list", "--name"])) ?? [] {
        _ = try? await virsh(["destroy", vm])
      }
      for network in (try? await names(["net-list", "--name"])) ?? [] {
        _ = try? await virsh(["net-destroy", network])
      }
    }
    try await daemon.stop()
  }

  /// Runs `virsh` on the site's libvirtd.
  @discardableResult
  package func virsh(_ arguments: [String], seconds: Double = 60) async throws -> String {
    try await Program.run(["virsh", "-q", "-c", site.hypervisorURI] + arguments, seconds: seconds)
  }

  /// The names of what a listing of virsh's lists.
  func names(_ listing: [String]) async throws -> [String] {
    try await virsh(listing).split(whereSeparator: \.isNewline).map {
      $0.trimmingCharacters(in: .whitespaces)
    }.filter { !$0.isEmpty }
  }

  // MARK: Set-up

  private func prepareFolders(capabilities: String) throws {
    let files = FileManager.default
    let folder = site.libvirtFolder
    for name in Self.boundFolders.keys.sorted() + ["etc/qemu", "etc/storage"] {
      try files.createDirectory(
        atPath: "\(folder)/\(name)",
        withIntermediateDirectories: true
      )
    }
    try Data(Self.qemuSettings.utf8).write(to: URL(filePath: folder + "/etc/qemu.conf"))
    let settings = Self.daemonSettings + "host_uuid = \"\(site.hostUUID)\"\n"
    try Data(settings.utf8).write(to: URL(filePath: folder + "/etc/libvirtd.conf"))
    let names = "127.0.0.1 localhost\n\(site.peerAddress) \(site.hostName)\n"
    try Data(names.utf8).write(to: URL(filePath: hosts))
    let cache = folder + "/cache/qemu/capabilities"
    if !files.fileExists(atPath: cache), files.fileExists(atPath: capabilities) {
      try files.createDirectory(
        atPath: folder + "/cache/qemu",
        withIntermediateDirectories: true
      )
      try files.copyItem(atPath: capabilities, toPath: cache)
    }
  }

  /// libvirtd takes about eight seconds to find out what QEMU can do; the next one need not.
  private func keepCapabilities(in folder: String) throws {
    let files = FileManager.default
    let cache = site.libvirtFolder + "/cache/qemu/capabilities"
    guard !files.fileExists(atPath: folder), files.fileExists(atPath: cache) else { return }
    try files.copyItem(atPath: cache, toPath: folder)
  }

  /// Without `no-ping` the DHCP server waits three seconds for an echo from each address before
  /// it gives it away.
  private func defineNetwork(
    _ name: String,
    bridge: String,
    subnet: String,
    forwards: Bool
  ) async throws {
    if try await !names(["net-list", "--all", "--name"]).contains(name) {
      let xml = """
        <network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
          <name>\(name)</name>
          \(forwards ? "<forward mode='nat'/>" : "")
          <bridge name='\(bridge)' stp='off' delay='0'/>
          <dns enable='no'/>
          <ip address='\(subnet).1' netmask='255.255.255.0'>
            <dhcp><range start='\(subnet).10' end='\(subnet).200'/></dhcp>
          </ip>
          <dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options>
        </network>
        """
      try await define(xml, by: "net-define")
      try await virsh(["net-autostart", name])
    }
    if try await !names(["net-list", "--name"]).contains(name) {
      try await virsh(["net-start", name])
    }
  }

  private func definePool() async throws {
    try FileManager.default.createDirectory(
      atPath: site.datastoreFolder,
      withIntermediateDirectories: true
    )
    if try await !names(["pool-list", "--all", "--name"]).contains("datastore1") {
      let xml = """
        <pool type='dir'>
          <name>datastore1</name>
          <target><path>\(site.datastoreFolder)</path></target>
        </pool>
        """
      try await define(xml, by: "pool-define")
      try await virsh(["pool-autostart", "datastore1"])
    }
    if try await !names(["pool-list", "--name"]).contains("datastore1") {
      try await virsh(["pool-start", "datastore1"])
    }
  }

  /// Hands XML to one of virsh's `define` commands.
  func define(_ xml: String, by command: String) async throws {
    let file = "\(site.folder)/\(UUID().uuidString).xml"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try Data(xml.utf8).write(to: URL(filePath: file))
    try await virsh([command, file])
  }

  /// No cgroups, no AppArmor, no namespaces of QEMU's own, no log daemon: it has to work in a
  /// container.
  private static let qemuSettings = """
    user = "root"
    group = "root"
    dynamic_ownership = 0
    remember_owner = 0
    security_driver = "none"
    cgroup_controllers = [ ]
    namespaces = [ ]
    stdio_handler = "file"
    """ + "\n"

  private static let daemonSettings = """
    auth_unix_rw = "none"
    auth_unix_ro = "none"
    unix_sock_rw_perms = "0700"
    log_outputs = "3:stderr"
    """ + "\n"
}
