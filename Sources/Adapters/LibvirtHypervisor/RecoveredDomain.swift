// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

/// The libvirt definition of a VM that a recovery starts or a clone makes.
struct RecoveredDomain {
  /// The metadata element that says Understudy made the domain.
  static let mark = "understudy:recovered"

  private let name: String
  private let uuid: String
  private let hardware: VMHardware
  private let disks: [(target: String, xml: (_ bus: String) -> XMLTree)]
  private let nics: [RecoveredVM.NIC]
  /// The name of each card's network, in the cards' order; nil is a card whose link is down.
  private let networkNames: [String?]
  private let usesKVM: Bool

  init(specification: RecoveredVM, networkNames: [String?], usesKVM: Bool) {
    name = specification.name
    uuid = specification.uuid
    hardware = specification.hardware
    disks = specification.disks.map { disk in (disk.target, { Self.overlay(disk, bus: $0) }) }
    nics = specification.nics
    self.networkNames = networkNames
    self.usesKVM = usesKVM
  }

  init(specification: ClonedVM, networkNames: [String?], usesKVM: Bool) {
    name = specification.name
    uuid = specification.uuid
    hardware = specification.hardware
    disks = specification.disks.map { disk in (disk.target, { Self.file(disk, bus: $0) }) }
    nics = specification.nics
    self.networkNames = networkNames
    self.usesKVM = usesKVM
  }

  var xml: XMLTree {
    var parts = [
      XMLTree("name", text: name),
      XMLTree("uuid", text: uuid),
      XMLTree("metadata", [XMLTree(Self.mark, ["xmlns:understudy": "urn:understudy:domain:1"])]),
      XMLTree("memory", ["unit": "MiB"], text: String(hardware.memoryInMB)),
      XMLTree("vcpu", text: String(hardware.cpuCount)),
      XMLTree(
        "os",
        hardware.firmware == "efi" ? ["firmware": "efi"] : [:],
        [
          XMLTree(
            "type",
            ["arch": hardware.architecture, "machine": hardware.machine],
            text: "hvm"
          ),
          XMLTree("boot", ["dev": "hd"]),
        ]
      ),
      XMLTree("features", [XMLTree("acpi"), XMLTree("apic")]),
      XMLTree("clock", ["offset": "utc"]),
      XMLTree("on_poweroff", text: "destroy"),
      XMLTree("on_reboot", text: "restart"),
      XMLTree("on_crash", text: "destroy"),
      XMLTree("devices", devices),
    ]
    if usesKVM { parts.insert(XMLTree("cpu", ["mode": "host-model"]), at: 7) }
    return XMLTree("domain", ["type": usesKVM ? "kvm" : "qemu"], parts)
  }

  private var devices: [XMLTree] {
    var devices = disks.map { $0.xml(bus($0.target)) }
    for (card, network) in zip(nics, networkNames) {
      devices.append(interface(card, network))
    }
    if disks.contains(where: { bus($0.target) == "scsi" }) {
      devices.append(XMLTree("controller", ["type": "scsi", "model": "virtio-scsi"]))
    }
    devices.append(XMLTree("controller", ["type": "usb", "model": "none"]))
    devices.append(XMLTree("serial", ["type": "pty"]))
    devices.append(XMLTree("console", ["type": "pty"]))
    if hardware.hasGuestAgent {
      let port = XMLTree("target", ["type": "virtio", "name": "org.qemu.guest_agent.0"])
      devices.append(XMLTree("channel", ["type": "unix"], [port]))
    }
    devices.append(XMLTree("memballoon", ["model": "none"]))
    return devices
  }

  /// A disk with its whole chain written out.
  ///
  /// libvirt then need not probe the images. libvirt 9.0 leaves out that QEMU is to connect
  /// again when the appliance restarts: ``LibvirtDomain/outliveExports(_:)``.
  private static func overlay(_ disk: RecoveredVM.Disk, bus: String) -> XMLTree {
    let export = XMLTree(
      "source",
      ["protocol": "nbd", "name": disk.exportName],
      [
        XMLTree("host", ["transport": "unix", "socket": disk.exportSocketPath]),
        XMLTree("reconnect", ["delay": "30"]),
      ]
    )
    let backing = XMLTree(
      "backingStore",
      ["type": "network"],
      [XMLTree("format", ["type": "raw"]), export, XMLTree("backingStore")]
    )
    return XMLTree(
      "disk",
      ["type": "file", "device": "disk"],
      [
        XMLTree(
          "driver",
          ["name": "qemu", "type": "qcow2", "error_policy": "stop", "rerror_policy": "stop"]
        ),
        XMLTree("source", ["file": disk.overlayPath]),
        backing,
        XMLTree("target", ["dev": disk.target, "bus": bus]),
      ]
    )
  }

  private static func file(_ disk: ClonedVM.Disk, bus: String) -> XMLTree {
    XMLTree(
      "disk",
      ["type": "file", "device": "disk"],
      [
        XMLTree("driver", ["name": "qemu", "type": "raw"]),
        XMLTree("source", ["file": disk.path]),
        XMLTree("target", ["dev": disk.target, "bus": bus]),
      ]
    )
  }

  private func interface(_ card: RecoveredVM.NIC, _ network: String?) -> XMLTree {
    var parts = [
      XMLTree("mac", ["address": card.macAddress]), XMLTree("model", ["type": "virtio"]),
    ]
    if let network {
      parts.append(XMLTree("source", ["network": network]))
      return XMLTree("interface", ["type": "network"], parts)
    }
    // A user-mode card with its link down: there, but connected to nothing.
    parts.append(XMLTree("link", ["state": "down"]))
    return XMLTree("interface", ["type": "user"], parts)
  }

  private func bus(_ target: String) -> String {
    switch TargetName(target)?.prefix {
    case "sd": "scsi"
    case "hd": hardware.machine.contains("q35") ? "sata" : "ide"
    default: "virtio"
    }
  }
}
