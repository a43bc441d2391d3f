// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import RecoveryModel
import Testing

@testable import LibvirtHypervisor

/// What becomes of another host's domain, line by line.
struct MovedDomainTests {
  @Test func `a recovered VM is the protected one with exactly the intended differences`() throws {
    let moved = try moved(Self.protected)
    let changes = try changes(from: Self.protected, to: moved).joined(separator: "\n")
    #expect(changes == Self.intended)
  }

  @Test func `what is unknown is kept, with the namespaces it needs`() throws {
    let moved = try moved(Self.protected)
    #expect(moved.document.contains("xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"))
    #expect(moved["qemu:commandline"]?["qemu:arg"]?.attributes["value"] == "-no-fd-bootchk")
    #expect(moved["metadata"]?["os:id"]?.attributes["xmlns:os"] == "urn:someone:else")
    #expect(moved["metadata"]?["os:id"]?.text == " kept as it is ")
  }

  @Test func `a VM is put into the partition that was chosen for it, and not into its old one`()
    throws
  {
    let moved = try moved(Self.protected, partition: "/machine/gold")
    #expect(moved.all("resource").map { $0["partition"]?.text } == ["/machine/gold"])
    #expect(DomainDescription(moved)?.partition == "/machine/gold")
    let names = LibvirtIdentifiers(hypervisor: "h", group: nil)
    for partition in ["/machine/gold", "/machine", nil] {
      let pool = names.resourcePool(partition)
      #expect(names.partition(of: pool) == (partition == "/machine" ? nil : partition))
    }
  }

  @Test func `a moved VM that is moved again has one mark`() throws {
    let once = try moved(Self.protected)
    let again = try moved(once.document)
    #expect(again["metadata"]?.all("understudy:recovered").count == 1)
    #expect(again.document == once.document)
  }

  @Test func `without KVM a VM is emulated, and asks for nothing that only KVM has`() throws {
    let moved = try moved(Self.protected, HostTraits(offersKVM: false, loaders: [Self.loader]))
    #expect(moved.attributes["type"] == "qemu")
    #expect(moved["cpu"]?.attributes == ["mode": "maximum"])
    #expect(moved["cpu"]?.children.map(\.name) == ["topology"])
    #expect(moved["features"]?["hyperv"] == nil)
    #expect(moved["clock"]?.all("timer").map { $0.attributes["name"] } == ["rtc"])
  }

  @Test func `firmware that is elsewhere on the host is chosen by what it offers`() throws {
    let moved = try moved(Self.protected, HostTraits(offersKVM: true, loaders: ["/elsewhere"]))
    let os = try #require(moved["os"])
    #expect(os.attributes == ["firmware": "efi"])
    #expect(os["loader"] == XMLTree("loader", ["secure": "yes"]))
    #expect(os["nvram"] == nil)
  }

  @Test func `disks and cards of another time are added, and those that are gone left out`() throws
  {
    let moved = try moved(Self.protected, disks: ["vdb"], cards: 2)
    let devices = try #require(moved["devices"])
    let targets = devices.all("disk").compactMap { $0["target"]?.attributes["dev"] }
    #expect(targets == ["sda", "vdb"])
    #expect(
      devices.all("interface").map { $0["mac"]?.attributes["address"] } == [
        "52:54:00:aa:00:00", "52:54:00:aa:00:01",
      ]
    )
    let alone = try self.moved(Self.protected, cards: 0)
    let card = try #require(alone["devices"]?["interface"])
    #expect(card.attributes["type"] == "user")
    #expect(card["link"]?.attributes["state"] == "down")
  }

  @Test func `what ties a VM to its host is said`() throws {
    let domain = try #require(
      XMLTree(
        parsing: """
          <domain><os><kernel>/k</kernel></os><devices>
          <hostdev type='pci'/><interface type='hostdev'/><interface type='network'/>
          <disk device='lun'/><disk device='disk'/><filesystem/>
          <tpm><backend type='passthrough'/></tpm><memory model='nvdimm'/><memory model='dimm'/>
          </devices></domain>
          """
      )
    )
    #expect(MovedDevices.ties(domain).count == 7)
    #expect(MovedDevices.ties(domain)[1] == "it has a device of its host (hostdev pci)")
    #expect(try MovedDevices.ties(#require(XMLTree(parsing: Self.protected))) == [])
  }

  @Test func `files of a firmware and a TPM are where the definition says`() throws {
    let domain = try #require(XMLTree(parsing: Self.protected))
    #expect(
      StatePlace.all(in: domain) == [
        StatePlace(kind: .nvram, folder: "/nvram", name: "web1_VARS.fd"),
        StatePlace(kind: .tpm, folder: "/var/lib/libvirt/swtpm/old/tpm2", name: nil),
      ]
    )
  }

  @Test func `a packed file is the same again, and a damaged one is none`() {
    let content = [UInt8](repeating: 0xFF, count: 540_672) + [1, 2, 3]
    let packed = PackedFile.pack(content)
    #expect(packed.utf8.count < 1000)
    #expect(PackedFile.unpack(packed) == content)
    #expect(PackedFile.unpack(PackedFile.pack([])) == [])
    #expect(PackedFile.unpack(String(packed.dropLast(8))) == nil)
    #expect(PackedFile.unpack("no packed file") == nil)
  }

  // MARK: -

  private static let loader = "/usr/share/OVMF/OVMF_CODE_4M.ms.fd"

  private func moved(
    _ definition: String,
    _ host: HostTraits = HostTraits(offersKVM: true, loaders: [loader]),
    disks: [String] = ["vda"],
    cards: Int = 1,
    partition: String? = nil
  ) throws -> XMLTree {
    let addresses = (0..<cards).map { "52:54:00:aa:00:0\($0)" }
    let specification = RecoveredVM(
      name: "web1 - testing recovery",
      uuid: "new",
      host: HostIdentifier("h"),
      hardware: VMHardware(
        memoryInMB: 1,
        cpuCount: 1,
        architecture: "x86_64",
        machine: "q35",
        hasGuestAgent: true,
        macAddresses: addresses
      ),
      blueprint: VMBlueprint(definition: definition),
      disks: disks.map {
        RecoveredVM.Disk(
          target: $0,
          overlayPath: "/scratch/\($0).qcow2",
          exportSocketPath: "/s",
          exportName: "scsi:0:0",
          replicaPath: "/r",
          adoptionPath: "/a"
        )
      },
      nics: addresses.map { RecoveredVM.NIC(macAddress: $0, network: NetworkIdentifier("n")) }
    )
    return RecoveredDomain(
      specification: specification,
      networkNames: addresses.map { _ in "test" },
      partition: partition,
      host: host
    ).xml
  }

  private func changes(from old: String, to new: XMLTree) throws -> [String] {
    let before = try #require(XMLTree(parsing: old)).lines
    return lineChanges(from: before, to: new.lines)
  }
}

/// The lines that were taken away (`-`) and added (`+`), in their order.
func lineChanges(from old: [String], to new: [String]) -> [String] {
  let difference = new.difference(from: old)
  var result: [String] = []
  var (at, to) = (0, 0)
  let removed = Set(
    difference.removals.map { if case .remove(let offset, _, _) = $0 { offset } else { -1 } }
  )
  let added = Set(
    difference.insertions.map { if case .insert(let offset, _, _) = $0 { offset } else { -1 } }
  )
  while at < old.count || to < new.count {
    if removed.contains(at), at < old.count {
      result.append("-\(old[at])")
      at += 1
    } else if added.contains(to), to < new.count {
      result.append("+\(new[to])")
      to += 1
    } else {
      (at, to) = (at + 1, to + 1)
    }
  }
  return result
}

extension XMLTree {
  /// Each element on a line of its own, without what closes it.
  fileprivate var lines: [String] {
    var head = self
    head.children = []
    return [head.document] + children.flatMap { $0.lines.map { "  \($0)" } }
  }
}
