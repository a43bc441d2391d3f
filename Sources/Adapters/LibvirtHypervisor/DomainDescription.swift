// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel

/// What a domain's XML says that Understudy needs.
struct DomainDescription: Sendable {
  /// A writable disk.
  struct Disk: Sendable {
    let volume: VolumeIdentifier
    let target: String
    /// The device's name in QEMU; only a running domain's XML has it.
    let alias: String?
    /// The layers' files or devices, from the one that is written down to the base; a layer
    /// that is neither, such as an NBD export, is nil.
    let chain: [String?]
    /// The format of the topmost layer if it is a file.
    let fileFormat: String?

    var path: String { chain.first.flatMap { $0 } ?? "" }
  }

  struct NIC: Sendable {
    let macAddress: String
    let networkName: String?
  }

  let name: String
  let uuid: String
  let hardware: VMHardware
  let disks: [Disk]
  let nics: [NIC]
  /// Whether a guest agent has opened its channel; only known of a running domain.
  let isAgentConnected: Bool
  /// Whether Understudy defined the domain.
  let isRecovered: Bool
  /// What whoever made the domain says it runs, such as `debian 12`.
  let guestOS: String?
  /// What ties the domain to its host, in words.
  let ties: [String]
  let limits: DomainLimits
  /// The resource partition it is put into; nil is libvirt's own.
  let partition: String?

  /// Reads a domain's description; nil if it lacks what every domain has.
  init?(_ domain: XMLTree) {
    guard let name = domain["name"]?.text, let uuid = domain["uuid"]?.text,
      let type = domain["os"]?["type"], let devices = domain["devices"]
    else { return nil }
    self.name = name
    self.uuid = uuid
    disks = Self.disks(devices)
    nics = devices.all("interface").compactMap { card in
      guard let address = card["mac"]?.attributes["address"] else { return nil }
      return NIC(macAddress: address, networkName: card["source"]?.attributes["network"])
    }
    let agent = devices.all("channel").compactMap { $0["target"] }
      .first { $0.attributes["name"] == "org.qemu.guest_agent.0" }
    isAgentConnected = agent?.attributes["state"] == "connected"
    isRecovered = domain["metadata"]?[RecoveredDomain.mark] != nil
    guestOS = Self.guestOS(domain["metadata"])
    ties = MovedDevices.ties(domain)
    partition = domain["resource"]?["partition"]?.text
    limits = DomainLimits(
      domain,
      cpuCount: Int(domain["vcpu"]?.text ?? "") ?? 1,
      memoryInMB: Self.memoryInMB(domain["memory"])
    )
    hardware = VMHardware(
      memoryInMB: Self.memoryInMB(domain["memory"]),
      cpuCount: Int(domain["vcpu"]?.text ?? "") ?? 1,
      architecture: type.attributes["arch"] ?? "x86_64",
      machine: type.attributes["machine"] ?? "pc",
      firmware: Self.isEFI(domain["os"]) ? "efi" : "bios",
      hasGuestAgent: agent != nil,
      macAddresses: nics.map(\.macAddress)
    )
  }

  /// The system that libosinfo's mark names, which virt-manager and virt-install leave.
  ///
  /// Its identifier is an address, such as `http://debian.org/debian/12`; what follows the host is
  /// the name.
  private static func guestOS(_ metadata: XMLTree?) -> String? {
    let mark = metadata?.children.first { $0.name.split(separator: ":").last == "libosinfo" }
    let system = mark?.children.first { $0.name.split(separator: ":").last == "os" }
    guard let identifier = system?.attributes["id"], let scheme = identifier.range(of: "://")
    else { return nil }
    let words = identifier[scheme.upperBound...].split(separator: "/").dropFirst()
    return words.isEmpty ? nil : words.joined(separator: " ")
  }

  private static func isEFI(_ os: XMLTree?) -> Bool {
    os?.attributes["firmware"] == "efi" || os?["loader"]?.attributes["type"] == "pflash"
  }

  private static func memoryInMB(_ memory: XMLTree?) -> Int {
    let kibibytes = Int(memory?.text ?? "") ?? 0
    return kibibytes / 1024
  }

  /// The disks that are neither CD-ROM nor floppy nor read only.
  ///
  /// The first kind of target name that appears (`vd`, `sd` …) is bus 0, the next is bus 1, so
  /// that `vda` and `sda` of one VM do not share an identifier.
  private static func disks(_ devices: XMLTree) -> [Disk] {
    var buses: [String] = []
    return devices.all("disk").compactMap { disk in
      guard disk.attributes["device"] ?? "disk" == "disk", disk["readonly"] == nil,
        let target = disk["target"]?.attributes["dev"], let name = TargetName(target)
      else { return nil }
      if !buses.contains(name.prefix) { buses.append(name.prefix) }
      let bus = buses.firstIndex(of: name.prefix) ?? 0
      return Disk(
        volume: VolumeIdentifier("scsi:\(bus):\(name.index)"),
        target: target,
        alias: disk["alias"]?.attributes["name"],
        chain: chain(disk),
        fileFormat: disk.attributes["type"] == "file"
          ? disk["driver"]?.attributes["type"] ?? "raw" : nil
      )
    }
  }

  private static func chain(_ disk: XMLTree) -> [String?] {
    var layers: [String?] = []
    var layer: XMLTree? = disk
    // A layer without a source is the empty element that ends the chain.
    while let current = layer, let source = current["source"] {
      layers.append(source.attributes["file"] ?? source.attributes["dev"])
      layer = current["backingStore"]
    }
    return layers
  }
}

/// A disk's target name taken apart: `vdb` is number 1 of the `vd`s.
struct TargetName: Equatable, Sendable {
  let prefix: String
  let index: Int

  init?(_ target: String) {
    guard let split = ["xvd", "vd", "sd", "hd"].first(where: target.hasPrefix) else { return nil }
    let letters = target.dropFirst(split.count).utf8
    guard !letters.isEmpty, letters.count < 4, letters.allSatisfy({ (97...122).contains($0) })
    else { return nil }
    prefix = split
    index = letters.reduce(0) { $0 * 26 + Int($1 - 96) } - 1
  }
}
