// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

/// The libvirt definition of a VM that a recovery starts.
struct RecoveredDomain {
  /// The metadata element that says Understudy made the domain.
  static let mark = "understudy:recovered"

  let specification: RecoveredVM
  /// The name of each card's network, in the cards' order; nil is a card whose link is down.
  let networkNames: [String?]
  let usesKVM: Bool

  var xml: XMLTree {
    let hardware = specification.hardware
    var parts = [
      XMLTree("name", text: specification.name),
      XMLTree("uuid", text: specification.uuid),
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
    var devices = specification.disks.map(disk)
    for (card, network) in zip(specification.nics, networkNames) {
      devices.append(interface(card, network))
    }
    if specification.disks.contains(where: { bus($0.target) == "scsi" }) {
      devices.append(XMLTree("controller", ["type": "scsi", "model": "virtio-scsi"]))
    }
    devices.append(XMLTree("controller", ["type": "usb", "model": "none"]))
    devices.append(XMLTree("serial", ["type": "pty"]))
    devices.append(XMLTree("console", ["type": "pty"]))
    if specification.hardware.hasGuestAgent {
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
  private func disk(_ disk: RecoveredVM.Disk) -> XMLTree {
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
        XMLTree("target", ["dev": disk.target, "bus": bus(disk.target)]),
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
    case "hd": specification.hardware.machine.contains("q35") ? "sata" : "ide"
    default: "virtio"
    }
  }
}
