// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hypervisor
import RecoveryModel
import Testing

@testable import LibvirtHypervisor

/// VMs with UEFI and a TPM at a real libvirt, which has to take what we make of them.
extension LibvirtHypervisorTests {
  @Test func `a VM is moved with its firmware's and TPM's memory, and leaves nothing of it`()
    async throws
  {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let hypervisor = bench.hypervisor
    let protected = try bench.defineUEFI("uefi")
    #expect(try await hypervisor.blueprint(of: protected).files == [])
    // With its first start libvirt makes the variables and the TPM.
    _ = try bench.virsh("start", "--paused", bench.uuid(protected))
    var blueprint = try await hypervisor.blueprint(of: protected)
    #expect(blueprint.files.map(\.kind) == [.nvram, .tpm])
    _ = try bench.virsh("destroy", bench.uuid(protected))
    // As if the guest had stored something in its firmware.
    var variables = try #require(PackedFile.unpack(blueprint.files[0].content))
    variables[variables.count - 1] = 0x42
    blueprint.files[0].content = PackedFile.pack(variables)

    let clone = try await hypervisor.define(try bench.clone(of: blueprint))
    let connection = try LibvirtConnection(uri: LibvirtTestSite.uri, events: EventHub())
    let definition = try #require(try connection.domain(uuid: bench.uuid(clone)))
      .xml(ofDefinition: true)
    let places = StatePlace.all(in: definition)
    #expect(try await hypervisor.blueprint(of: clone).contents == blueprint.contents)
    let changes = lineChanges(
      from: try bench.definition(of: protected),
      to: try bench.definition(of: clone)
    )
    #expect(changes.joined(separator: "\n") == Self.intendedOfUEFI)

    // libvirt starts it with those and makes none of its own.
    _ = try bench.virsh("start", "--paused", bench.uuid(clone))
    #expect(try await hypervisor.blueprint(of: clone).contents[0] == blueprint.contents[0])
    #expect(try bench.virsh("domstate", bench.uuid(clone)).contains("paused"))
    _ = try bench.virsh("destroy", bench.uuid(clone))

    // Defined again, it keeps what it has stored since.
    var older = blueprint
    older.files[0].content = PackedFile.pack(variables.map { $0 ^ 1 })
    let again = try await hypervisor.define(try bench.clone(of: older, uuid: bench.uuid(clone)))
    #expect(again == clone)
    #expect(try await hypervisor.blueprint(of: clone).contents[0] == blueprint.contents[0])

    try await hypervisor.remove(clone)
    #expect(places.map(\.kind) == [.nvram, .tpm])
    for place in places {
      let folder = try HostFolder(place.folder, on: connection, makes: false)
      #expect(try place.name.map { try folder?.read($0) == nil } ?? (folder == nil))
    }
    #expect(try !bench.virsh("pool-list", "--all", "--name").contains("understudy-folder"))
  }

  private static let intendedOfUEFI = """
    -  <name>TEST-uefi</name>
    +  <name>TEST-clone</name>
    +    <understudy:recovered xmlns:understudy="urn:understudy:domain:1"/>
    -      <source file='FOLDER/uefi.raw'/>
    +      <source file='FOLDER/clone.raw'/>
    -      <mac address='52:54:00:00:00:01'/>
    +      <mac address='52:54:00:00:00:02'/>
    +      <link state='down'/>
    -    <serial type='file'>
    -      <source path='FOLDER/uefi.log'/>
    +    <serial type='pty'>
    -    <console type='file'>
    -      <source path='FOLDER/uefi.log'/>
    +    <console type='pty'>
    """
}

extension VMBlueprint {
  fileprivate var contents: [String] { files.map(\.content) }
}

extension LibvirtTestBench {
  /// Defines a VM that is started by UEFI and has a TPM.
  fileprivate func defineUEFI(_ name: String) throws -> VMIdentifier {
    let disk = try file("\(name).raw", "")
    try runToEnd(["truncate", "-s", "16M", disk])
    let uuid = UUID().uuidString.lowercased()
    let xml = """
      <domain type='qemu'><name>\(prefix)-\(name)</name><uuid>\(uuid)</uuid>
      <metadata><a:b xmlns:a='urn:a'>c</a:b></metadata><memory unit='MiB'>256</memory><vcpu>1</vcpu>
      <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os>
      <features><acpi/><apic/></features><devices>
      <disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
      <source file='\(disk)'/><target dev='vda' bus='virtio'/><serial>S1</serial></disk>
      <interface type='user'><mac address='52:54:00:00:00:01'/><model type='e1000e'/></interface>
      <serial type='file'><source path='\(folder)/\(name).log'/></serial>
      <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
      </devices></domain>
      """
    _ = try virsh("define", try file("\(name).xml", xml))
    undefineAtEnd(uuid)
    return VMIdentifier("\(try hypervisorGUID()).vm-\(uuid)")
  }

  fileprivate func clone(of blueprint: VMBlueprint, uuid: String? = nil) throws -> ClonedVM {
    let uuid = uuid ?? UUID().uuidString.lowercased()
    let disk = "\(folder)/clone.raw"
    try runToEnd(["truncate", "-s", "16M", disk])
    undefineAtEnd(uuid)
    return ClonedVM(
      name: "\(prefix)-clone",
      uuid: uuid,
      host: HostIdentifier("any"),
      hardware: VMHardware(
        memoryInMB: 1,
        cpuCount: 1,
        architecture: "x86_64",
        machine: "q35",
        hasGuestAgent: false,
        macAddresses: []
      ),
      blueprint: blueprint,
      disks: [ClonedVM.Disk(target: "vda", path: disk)],
      nics: [RecoveredVM.NIC(macAddress: "52:54:00:00:00:02", network: nil)]
    )
  }

  private func undefineAtEnd(_ uuid: String) {
    atEnd { [self] in
      _ = try? virsh("destroy", uuid)
      _ = try? virsh("undefine", "--nvram", "--tpm", uuid)
    }
  }

  /// A definition's lines, with what differs from run to run taken out.
  fileprivate func definition(of vm: VMIdentifier) throws -> [String] {
    try virsh("dumpxml", "--inactive", uuid(vm))
      .replacing(folder, with: "FOLDER").replacing(prefix, with: "TEST")
      .replacing(uuid(vm), with: "UUID OF THE VM")
      .split(separator: "\n").map(String.init)
  }
}
