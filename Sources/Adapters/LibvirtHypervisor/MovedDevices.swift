// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor

/// The devices of another host's domain as they are here.
struct MovedDevices {
  /// Kinds of character devices that need nothing of the host but a terminal or their own client.
  private static let freeCharacterKinds: Set<String> = [
    "pty", "null", "vc", "spicevmc", "spiceport", "qemu-vdagent",
  ]
  /// Addresses that every host can listen on.
  private static let commonAddresses: Set<String> = [
    "127.0.0.1", "::1", "localhost", "0.0.0.0", "::",
  ]
  /// What of a disk says where its content is, or how it may be shared.
  private static let placeOfDisk: Set<String> = [
    "source", "backingStore", "mirror", "auth", "encryption", "shareable", "transient",
  ]

  let model: XMLTree
  let plan: RecoveredDomain

  var xml: XMLTree {
    var devices = XMLTree("devices", model.attributes)
    var disks = plan.disks
    var cards = zip(plan.nics, plan.networkNames).makeIterator()
    for device in model.children {
      let moved =
        switch device.name {
        case "disk": self.disk(device, &disks)
        case "interface": Self.interface(device, cards.next())
        case "serial", "parallel", "console", "channel": Self.characterDevice(device)
        case "graphics": Self.graphics(device)
        case "tpm": Self.tpm(device)
        case "memory": Self.isOnHost(device) ? nil : device
        case "emulator", "hostdev", "filesystem": nil as XMLTree?
        default: device
        }
      if let moved { devices.children.append(moved) }
    }
    // Disks and cards that the VM had or got at another time than the model is of.
    devices.children += disks.map { plan.anew($0) }
    while let (card, network) = cards.next() { devices.children.append(plan.anew(card, network)) }
    return devices
  }

  /// What ties the VM to its host, in words.
  static func ties(_ domain: XMLTree) -> [String] {
    var ties: [String] = []
    if domain["os"]?["kernel"] != nil { ties.append("it boots a kernel file of its host") }
    for device in domain["devices"]?.children ?? [] {
      let kind = device.attributes["type"] ?? ""
      switch device.name {
      case "hostdev": ties.append("it has a device of its host (hostdev \(kind))")
      case "interface" where kind == "hostdev" || kind == "vdpa":
        ties.append("it has a network card of its host (\(kind))")
      case "disk" where device.attributes["device"] == "lun":
        ties.append("it has a SCSI device of its host (lun)")
      case "filesystem": ties.append("it shares a folder with its host (filesystem)")
      case "tpm" where device["backend"]?.attributes["type"] == "passthrough":
        ties.append("it has the TPM of its host")
      case "memory" where isOnHost(device): ties.append("it has memory in a file of its host")
      default: break
      }
    }
    return ties
  }

  private static func isOnHost(_ memory: XMLTree) -> Bool {
    ["nvdimm", "virtio-pmem"].contains(memory.attributes["model"] ?? "")
  }

  // MARK: Kinds of devices

  /// A disk on what the plan says; a drive for media without its medium; nil of what is not
  /// protected.
  private func disk(_ disk: XMLTree, _ planned: inout [RecoveredDomain.Disk]) -> XMLTree? {
    var moved = disk
    moved.children.removeAll { Self.placeOfDisk.contains($0.name) }
    switch disk.attributes["device"] ?? "disk" {
    case "cdrom", "floppy":
      return moved.with(["type": "file"])
    case "disk" where disk["readonly"] == nil: break
    default: return nil
    }
    let target = disk["target"]?.attributes["dev"]
    guard let index = planned.firstIndex(where: { $0.target == target }) else { return nil }
    let place = planned.remove(at: index)
    moved.attributes = disk.attributes.filter { ["device", "model"].contains($0.key) }
    moved.attributes["type"] = "file"
    let driver = (disk["driver"]?.attributes ?? [:]).merging(place.driver) { $1 }
    moved.children.removeAll { $0.name == "driver" }
    moved.children.insert(contentsOf: [XMLTree("driver", driver)] + place.source, at: 0)
    return moved
  }

  /// A card with the plan's address on the plan's network; without a plan its link is down.
  private static func interface(
    _ interface: XMLTree,
    _ planned: (card: RecoveredVM.NIC, network: String?)?
  ) -> XMLTree {
    var moved = interface.without(
      "source",
      "target",
      "virtualport",
      "vlan",
      "backend",
      "portForward",
      "ip",
      "route",
      "script",
      "guest"
    )
    if ["hostdev", "vdpa"].contains(interface.attributes["type"] ?? "") {
      moved = moved.without("driver", "address")
      if moved["model"] == nil { moved.children.append(XMLTree("model", ["type": "virtio"])) }
    }
    moved.attributes = interface.attributes.filter { $0.key == "trustGuestRxFilters" }
    if let planned { moved.change("mac") { $0.with(["address": planned.card.macAddress]) } }
    if let network = planned?.network {
      moved.attributes["type"] = "network"
      let place = moved.children.firstIndex { $0.name == "mac" }.map { $0 + 1 } ?? 0
      moved.children.insert(XMLTree("source", ["network": network]), at: place)
    } else {
      moved = moved.without("link", "filterref", "bandwidth")
      moved.attributes = ["type": "user"]
      moved.children.append(XMLTree("link", ["state": "down"]))
    }
    return moved
  }

  private static func characterDevice(_ device: XMLTree) -> XMLTree {
    let kind = device.attributes["type"] ?? "pty"
    // A socket of a guest's channel is at a place libvirt chooses.
    if device.name == "channel", kind == "unix" { return device.without("source", "log") }
    if freeCharacterKinds.contains(kind) {
      return kind == "pty" ? device.without("source", "log") : device.without("log")
    }
    return device.without("source", "log", "protocol").with(["type": "pty", "tty": nil])
  }

  /// A console on a port that is free, at an address this host has.
  private static func graphics(_ graphics: XMLTree) -> XMLTree {
    var moved = graphics
    if graphics.attributes["port"] != nil, graphics.attributes["autoport"] != "yes" {
      moved = moved.with(["port": "-1", "autoport": "yes", "tlsPort": nil])
    }
    if moved.attributes["websocket"] != nil { moved.attributes["websocket"] = "-1" }
    moved.attributes["socket"] = nil
    if let own = graphics.attributes["listen"] { moved.attributes["listen"] = address(own) }
    moved.change("listen") { listen in
      switch listen.attributes["type"] {
      case "socket": XMLTree("listen", ["type": "socket"])
      case "network": XMLTree("listen", ["type": "address", "address": address("")])
      default: listen.with(["address": listen.attributes["address"].map(address)])
      }
    }
    return moved
  }

  private static func address(_ address: String) -> String {
    commonAddresses.contains(address) ? address : "127.0.0.1"
  }

  private static func tpm(_ tpm: XMLTree) -> XMLTree? {
    guard tpm["backend"]?.attributes["type"] == "emulator" else { return nil }
    var moved = tpm
    moved.change("backend") { $0.without("source") }
    return moved
  }
}
