// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

/// The libvirt definition of a VM that a recovery starts or a clone makes: the protected VM's,
/// moved here, or one made anew of what is known of its hardware.
struct RecoveredDomain {
  /// The metadata element that says Understudy made the domain.
  static let mark = "understudy:recovered"

  /// A disk on what this site has of it.
  struct Disk {
    let target: String
    /// Attributes of `driver` that follow from where the content is.
    let driver: [String: String]
    /// The elements that say where the content is.
    let source: [XMLTree]
  }

  let name: String
  let uuid: String
  let disks: [Disk]
  let nics: [RecoveredVM.NIC]
  /// The name of each card's network, in the cards' order; nil is a card whose link is down.
  let networkNames: [String?]
  /// The resource partition; nil is libvirt's own.
  let partition: String?
  let host: HostTraits
  /// What the networks' DHCP servers keep for the cards because of this VM alone.
  var reservations: [Reservation] = []
  /// Whether files of the firmware or the TPM are still to be put in place.
  var isIncomplete = false
  private let hardware: VMHardware
  private let model: XMLTree?

  init(specification: RecoveredVM, networkNames: [String?], partition: String?, host: HostTraits) {
    name = specification.name
    uuid = specification.uuid
    hardware = specification.hardware
    disks = specification.disks.map(Self.overlay)
    nics = specification.nics
    model = specification.blueprint.flatMap { XMLTree(parsing: $0.definition) }
    self.networkNames = networkNames
    self.partition = partition
    self.host = host
  }

  init(specification: ClonedVM, networkNames: [String?], partition: String?, host: HostTraits) {
    name = specification.name
    uuid = specification.uuid
    hardware = specification.hardware
    disks = specification.disks.map(Self.file)
    nics = specification.nics
    model = specification.blueprint.flatMap { XMLTree(parsing: $0.definition) }
    self.networkNames = networkNames
    self.partition = partition
    self.host = host
  }

  var xml: XMLTree { model.map { MovedDomain(model: $0, plan: self).xml } ?? anew }

  /// The reservations that are wished for.
  var wishedReservations: [Reservation] {
    zip(nics, networkNames).compactMap { card, network in
      guard let network, let address = card.reservedAddress else { return nil }
      return Reservation(network: network, macAddress: card.macAddress, address: address)
    }
  }

  /// Says whose the domain is, what goes with it, and whether it may be started.
  var markElement: XMLTree {
    let mark = XMLTree(
      Self.mark,
      ["xmlns:understudy": "urn:understudy:domain:1"],
      reservations.map(\.element)
    )
    return isIncomplete ? mark.with(["state": "incomplete"]) : mark
  }

  /// What puts the domain into its partition.
  var resource: XMLTree? {
    partition.map { XMLTree("resource", [XMLTree("partition", text: $0)]) }
  }

  // MARK: Where disks are

  /// A disk with its whole chain written out.
  ///
  /// libvirt then need not probe the images. libvirt 9.0 leaves out that QEMU is to connect
  /// again when the appliance restarts: ``LibvirtDomain/outliveExports(_:)``.
  private static func overlay(_ disk: RecoveredVM.Disk) -> Disk {
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
    return Disk(
      target: disk.target,
      driver: ["name": "qemu", "type": "qcow2", "error_policy": "stop", "rerror_policy": "stop"],
      source: [XMLTree("source", ["file": disk.overlayPath]), backing]
    )
  }

  private static func file(_ disk: ClonedVM.Disk) -> Disk {
    Disk(
      target: disk.target,
      driver: ["name": "qemu", "type": "raw"],
      source: [XMLTree("source", ["file": disk.path])]
    )
  }
}

// MARK: A domain without a model

extension RecoveredDomain {
  private var anew: XMLTree {
    var parts = [
      XMLTree("name", text: name),
      XMLTree("uuid", text: uuid),
      XMLTree("metadata", [markElement]),
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
    if host.offersKVM { parts.insert(XMLTree("cpu", ["mode": "host-model"]), at: 7) }
    if let resource { parts.insert(resource, at: 5) }
    return XMLTree("domain", ["type": host.offersKVM ? "kvm" : "qemu"], parts)
  }

  private var devices: [XMLTree] {
    var devices = disks.map(anew)
    for (card, network) in zip(nics, networkNames) { devices.append(anew(card, network)) }
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

  /// A disk that no model has.
  func anew(_ disk: Disk) -> XMLTree {
    XMLTree(
      "disk",
      ["type": "file", "device": "disk"],
      [XMLTree("driver", disk.driver)] + disk.source + [
        XMLTree("target", ["dev": disk.target, "bus": bus(disk.target)])
      ]
    )
  }

  /// A card that no model has.
  func anew(_ card: RecoveredVM.NIC, _ network: String?) -> XMLTree {
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
