// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import RecoveryModel
import Testing

@testable import LibvirtHypervisor

struct LibvirtHypervisorXMLTests {
  @Test func `an element keeps what must be escaped through text and back`() throws {
    let tree = XMLTree(
      "a",
      ["b": "<'\"&>\n"],
      [XMLTree("c", text: "x < y & z"), XMLTree("d")]
    )
    #expect(XMLTree(parsing: tree.document) == tree)
  }

  @Test func `text that is not XML is refused`() {
    #expect(XMLTree(parsing: "<a><b></a>") == nil)
    #expect(XMLTree(parsing: "") == nil)
  }

  @Test(arguments: [("vda", 0), ("sdz", 25), ("hdb", 1), ("vdaa", 26), ("xvdc", 2)])
  func `a disk's number is told by its target name`(target: String, index: Int) {
    #expect(TargetName(target)?.index == index)
  }

  @Test(arguments: ["", "vd", "vdA", "fda", "vd1", "sdaaaa"])
  func `a target name that is none has no number`(target: String) {
    #expect(TargetName(target) == nil)
  }

  @Test func `limits are of all processors, and what is no limit is none`() throws {
    func limits(_ inner: String) throws -> DomainLimits {
      let tree = try #require(XMLTree(parsing: "<domain>\(inner)</domain>"))
      return DomainLimits(tree, cpuCount: 2, memoryInMB: 512)
    }
    let none = try limits("")
    #expect(none.processors == nil && none.memoryInMB == nil && none.reservedMemoryInMB == nil)
    #expect(
      try limits(
        "<cputune><quota>-1</quota></cputune>"
          + "<memtune><hard_limit unit='KiB'>9007199254740988</hard_limit></memtune>"
      ) == none
    )
    let some = try limits(
      "<cputune><shares>2048</shares><period>50000</period><quota>25000</quota></cputune>"
        + "<memtune><hard_limit unit='KiB'>1048576</hard_limit></memtune>"
        + "<memoryBacking><locked/></memoryBacking>"
    )
    #expect(some.processors == 1 && some.memoryInMB == 1024 && some.reservedMemoryInMB == 512)
    let whole = try limits(
      "<cputune><quota>100000</quota><global_quota>150000</global_quota></cputune>"
    )
    #expect(whole.processors == 1.5)
  }

  @Test func `a running VM's XML gives its hardware, writable disks and cards`() throws {
    let tree = try #require(XMLTree(parsing: Self.running))
    let vm = try #require(DomainDescription(tree))
    #expect(vm.name == "a & b")
    #expect(
      vm.hardware
        == VMHardware(
          memoryInMB: 256,
          cpuCount: 2,
          architecture: "x86_64",
          machine: "pc-q35-7.2",
          firmware: "efi",
          hasGuestAgent: true,
          macAddresses: ["52:54:00:00:00:01"]
        )
    )
    #expect(vm.disks.map(\.target) == ["vda", "sda"])
    #expect(vm.disks.map(\.volume) == ["scsi:0:0", "scsi:1:0"].map { VolumeIdentifier($0) })
    #expect(vm.disks.map(\.alias) == ["virtio-disk0", nil])
    #expect(vm.disks.map(\.chain) == [["/top", nil], ["/dev/x"]])
    #expect(vm.nics.map(\.networkName) == ["prod"])
    #expect(vm.isAgentConnected)
    #expect(vm.guestOS == "debian 12")
    #expect(!vm.isRecovered)
  }

  @Test func `a recovered VM's definition reads back as what was asked for`() throws {
    let disk = RecoveredVM.Disk(
      target: "vda",
      overlayPath: "/o & o",
      exportSocketPath: "/s",
      exportName: "scsi:0:0",
      replicaPath: "/r",
      adoptionPath: "/a"
    )
    let hardware = VMHardware(
      memoryInMB: 128,
      cpuCount: 1,
      architecture: "x86_64",
      machine: "pc",
      hasGuestAgent: true,
      macAddresses: ["52:54:00:00:00:01"]
    )
    let specification = RecoveredVM(
      name: "x<y",
      uuid: "u",
      host: HostIdentifier("h"),
      hardware: hardware,
      disks: [disk],
      nics: [RecoveredVM.NIC(macAddress: "52:54:00:00:00:01", network: nil)]
    )
    let domain = RecoveredDomain(
      specification: specification,
      networkNames: [nil],
      partition: nil,
      host: HostTraits()
    )
    let tree = try #require(XMLTree(parsing: domain.xml.document))
    let vm = try #require(DomainDescription(tree))
    #expect(vm.isRecovered)
    #expect(vm.name == "x<y")
    #expect(vm.disks.map(\.chain) == [["/o & o", nil]])
    #expect(tree.attributes["type"] == "qemu")
    let backing = tree["devices"]?["disk"]?["backingStore"]
    #expect(backing?["source"]?["reconnect"]?.attributes["delay"] == "30")
    // The empty element ends the chain: without it libvirt would look for more by itself.
    #expect(backing?["backingStore"] != nil)
    #expect(tree["devices"]?["interface"]?["link"]?.attributes["state"] == "down")
  }

  @Test func `a clone's disks are files of its own, and its cards have new addresses`() throws {
    let domain = RecoveredDomain(
      specification: ClonedVM(
        name: "web1-2026",
        uuid: "u",
        host: HostIdentifier("h"),
        hardware: VMHardware(
          memoryInMB: 192,
          cpuCount: 2,
          architecture: "x86_64",
          machine: "pc",
          hasGuestAgent: true,
          macAddresses: ["52:54:00:00:00:01"]
        ),
        disks: [ClonedVM.Disk(target: "vda", path: "/stores/a & b/vda.raw")],
        nics: [RecoveredVM.NIC(macAddress: "52:54:00:00:00:02", network: nil)]
      ),
      networkNames: ["prod"],
      partition: nil,
      host: HostTraits()
    )
    let tree = try #require(XMLTree(parsing: domain.xml.document))
    let vm = try #require(DomainDescription(tree))
    #expect(vm.isRecovered)
    #expect(vm.disks.map(\.chain) == [["/stores/a & b/vda.raw"]])
    #expect(tree["devices"]?["disk"]?["driver"]?.attributes["type"] == "raw")
    #expect(vm.nics.map(\.macAddress) == ["52:54:00:00:00:02"])
    #expect(vm.nics.map(\.networkName) == ["prod"])
    #expect(vm.hardware.cpuCount == 2)
  }

  private static let running = """
    <domain type='qemu' id='3'><name>a &amp; b</name><uuid>u</uuid>
    <metadata><libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
      <libosinfo:os id='http://debian.org/debian/12'/></libosinfo:libosinfo></metadata>
    <memory unit='KiB'>262144</memory><vcpu placement='static'>2</vcpu>
    <os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
    <devices>
    <disk type='file' device='cdrom'><source file='/iso'/><target dev='sdb'/><readonly/></disk>
    <disk type='file' device='disk'><source file='/top'/>
      <backingStore type='network'><source protocol='nbd' name='x'/><backingStore/></backingStore>
      <target dev='vda' bus='virtio'/><alias name='virtio-disk0'/></disk>
    <disk type='block' device='disk'><source dev='/dev/x'/><target dev='sda'/></disk>
    <disk type='file' device='disk'><source file='/r'/><target dev='vdc'/><readonly/></disk>
    <interface type='network'><mac address='52:54:00:00:00:01'/><source network='prod'/></interface>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>
    </devices></domain>
    """
}
