// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// Last of all the VM is protected no more, so the lab is made anew after this.
  @Test func `a VM of a UEFI firmware starts by its own variables wherever it is recovered`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.giveFirmware()
    // Its first start: there were no variables yet.
    let first = try await bench.started(bench.source)
    #expect(first.hasPrefix("uefi") && !first.contains(GuestFiles.firmwareMark), "\(first)")
    try await bench.waitUntilProtected(seconds: 120)

    try await bench.carryOut(
      "Failover",
      ["CommitPolicy": 2, "ShutdownPolicy": 1, "IsReverseProtection": true],
      at: bench.paris
    )
    let recovered = bench.lab.guest(WithstandBench.vmName, at: bench.paris)
    try await bench.checkFirmware(of: recovered)
    try await bench.carryOut("FailoverCommit", at: bench.paris)
    #expect(try await bench.placesOfVM() == ["paris"])
    #expect(try await bench.variables(at: bench.london).isEmpty, "the old VM's are left")
    try await bench.checkSequence(of: recovered)

    // Back home with the variables that are at paris.
    try await bench.waitUntilProtected(seconds: 120)
    let back: JSON = ["CommitPolicy": 2, "ShutdownPolicy": 1]
    try await bench.carryOut("Failover", back, at: bench.london)
    try await bench.checkFirmware(of: bench.source)
    try await bench.carryOut("FailoverCommit", ["IsReverseProtection": false], at: bench.london)
    #expect(try await bench.placesOfVM() == ["london"])
    try await bench.checkSequence(of: bench.source)
  }
}

extension WithstandBench {
  private static let firmware = "/usr/share/OVMF/OVMF_CODE_4M.fd"
  private static let template = "/usr/share/OVMF/OVMF_VARS_4M.fd"

  /// Starts the protected VM anew, by a UEFI firmware instead of the BIOS.
  fileprivate func giveFirmware() async throws {
    let libvirt = source.libvirt
    try await libvirt.virsh(["destroy", Self.vmName])
    let xml = try await libvirt.virsh(["dumpxml", "--inactive", Self.vmName])
    let changed = xml.replacing(
      "</type>",
      with: """
        </type>
        <loader readonly='yes' type='pflash'>\(Self.firmware)</loader>
        <nvram template='\(Self.template)'/>
        """,
      maxReplacements: 1
    )
    try await libvirt.define(changed, by: "define")
    try await libvirt.virsh(["start", Self.vmName])
  }

  /// The page `boot` of a guest: by which firmware it was started, and what its kernel was told.
  fileprivate func started(_ guest: LabGuest) async throws -> String {
    guard try await guest.waitUntilServing(seconds: 120) else {
      throw LabError("\(guest.name) does not answer")
    }
    return try #require(try await guest.page("boot", seconds: 20))
  }

  /// Checks that a recovered VM was started by its own firmware's variables, and has them where
  /// libvirt of its site keeps such.
  fileprivate func checkFirmware(of guest: LabGuest) async throws {
    let boot = try await started(guest)
    #expect(boot.hasPrefix("uefi") && boot.contains(GuestFiles.firmwareMark), "\(boot)")
    let xml = try await guest.libvirt.virsh(["dumpxml", guest.name])
    #expect(xml.contains("type='pflash'>\(Self.firmware)</loader>"), "\(xml)")
    let file = "/var/lib/libvirt/qemu/nvram/\(guest.name)_VARS.fd"
    #expect(xml.contains(">\(file)</nvram>"), "\(xml)")
    #expect(try await variables(at: guest.libvirt.site) == ["\(guest.name)_VARS.fd"])
  }

  /// The files with firmwares' variables at a site.
  fileprivate func variables(at site: LabSite) async throws -> [String] {
    let folder = "\(site.libvirtFolder)/lib/qemu/nvram"
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  /// Has an operation carried out at a site, to its end.
  fileprivate func carryOut(
    _ operation: String,
    _ body: JSON = [:],
    at site: LabSite
  ) async throws {
    try await ask(site) { client in
      let task = try await client.begin("/vpgs/\(vpg)/\(operation)", body)
      try await client.waitForTask(task, seconds: 240)
    }
  }
}
