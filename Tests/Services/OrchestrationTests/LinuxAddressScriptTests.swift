// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Processes
import Hypervisor
import RecoveryModel
import Testing

@testable import Orchestration

/// The script for Linux guests, run by this machine's shell in a folder that stands for a guest.
@Suite struct LinuxAddressScriptTests {
  /// A guest of files: one card, and programs that note how they were called.
  private struct Guest {
    let root: String

    init(programs: [String]) throws {
      root = FileManager.default.temporaryDirectory
        .appending(path: "understudy-guest-\(UUID().uuidString)").path(percentEncoded: false)
      for (card, mac, isDevice) in [
        ("eth0", "52:54:00:00:00:01", true), ("eth1", "52:54:00:00:00:02", true),
        ("br0", "52:54:00:00:00:02", false),
      ] {
        try make("sys/class/net/\(card)/address", mac + "\n")
        if isDevice { try make("sys/class/net/\(card)/device/x", "") }
      }
      try make("etc/resolv.conf", "nameserver 1.1.1.1\n")
      for program in programs + ["ip"] {
        let answer =
          switch program {
          case "ip": "[ \"$*\" != \"-4 addr show dev eth1\" ] || echo '    inet 10.1.2.3/24 brd x'"
          case "nmcli": "[ \"$*\" != \"-t -f RUNNING general\" ] || echo running"
          default: ":"
          }
        try make("bin/\(program)", "#!/bin/sh\necho \(program) \"$@\" >>\(root)/calls\n\(answer)\n")
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o755],
          ofItemAtPath: "\(root)/bin/\(program)"
        )
      }
    }

    func make(_ path: String, _ text: String) throws {
      let file = URL(filePath: "\(root)/\(path)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(),
        withIntermediateDirectories: true
      )
      try Data(text.utf8).write(to: file)
    }

    func text(_ path: String) -> String {
      (try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)) ?? ""
    }

    /// Runs the script in this guest instead of in the machine.
    func set(_ mac: String, dhcp: Bool = false) throws -> (code: Int32, output: String) {
      var addresses = VPGDefinition.NICRecovery()
      addresses.usesDHCP = dhcp
      if !dhcp {
        (addresses.address, addresses.subnetMask) = ("10.1.2.3", "255.255.255.0")
        (addresses.gateway, addresses.primaryDNS) = ("10.1.2.1", "10.1.2.4")
        addresses.dnsSuffix = "shop.example"
      }
      let program = GuestNetwork.linuxProgram(mac, try #require(try CardAddresses(addresses)))
      var script = program.input
        .replacing("PATH=/usr/sbin", with: "PATH=\(root)/bin:/usr/sbin")
        // What this machine has is not the guest's.
        .replacing("command -v \"$1\"", with: "[ -x \"\(root)/bin/$1\" ]")
      for folder in ["/sys/class", "/run/systemd", "/etc"] {
        script = script.replacing(folder, with: root + folder)
      }
      let (status, printed) = try ChildProcess.run(
        [program.path] + program.arguments,
        input: script
      )
      return (status, printed)
    }

    func remove() { try? FileManager.default.removeItem(atPath: root) }
  }

  private let mac = "52:54:00:00:00:02"

  @Test func `systemd-networkd gets a file that comes before all others`() throws {
    let guest = try Guest(programs: ["networkctl"])
    defer { guest.remove() }
    try guest.make("run/systemd/netif/x", "")
    let end = try guest.set(mac)
    #expect(end.code == 0 && end.output.contains("kept by systemd-networkd"), "\(end.output)")
    #expect(
      guest.text("etc/systemd/network/00-understudy-eth1.network") == """
        [Match]
        MACAddress=52:54:00:00:00:02
        Type=ether
        [Network]
        Address=10.1.2.3/24
        Gateway=10.1.2.1
        DNS=10.1.2.4
        Domains=shop.example

        """
    )
    #expect(guest.text("calls").contains("networkctl reload\nnetworkctl reconfigure eth1"))
    #expect(try guest.set(mac, dhcp: true).code == 0)
    #expect(guest.text("etc/systemd/network/00-understudy-eth1.network").contains("DHCP=ipv4"))
  }

  @Test func `ifupdown gets the card anew, and what is said of others stays`() throws {
    let guest = try Guest(programs: ["ifup", "ifdown"])
    defer { guest.remove() }
    try guest.make(
      "etc/network/interfaces",
      """
      auto lo eth0
      iface lo inet loopback
      allow-hotplug eth1
      iface eth1 inet dhcp
        hostname old
      iface eth0 inet dhcp
        metric 5

      """
    )
    for _ in 1...2 {
      let end = try guest.set(mac)
      #expect(end.code == 0 && end.output.contains("kept by ifupdown"), "\(end.output)")
    }
    #expect(
      guest.text("etc/network/interfaces") == """
        auto lo eth0
        iface lo inet loopback
        iface eth0 inet dhcp
          metric 5
        source \(guest.root)/etc/network/interfaces.d/*

        """
    )
    #expect(
      guest.text("etc/network/interfaces.d/understudy-eth1") == """
        auto eth1
        iface eth1 inet static
          address 10.1.2.3/24
          gateway 10.1.2.1
          dns-nameservers 10.1.2.4
          dns-search shop.example

        """
    )
    #expect(guest.text("etc/network/before-understudy-interfaces").contains("hostname old"))
    #expect(guest.text("etc/resolv.conf") == "search shop.example\nnameserver 10.1.2.4\n")
  }

  @Test func `NetworkManager gets a connection of its own`() throws {
    let guest = try Guest(programs: ["nmcli"])
    defer { guest.remove() }
    let end = try guest.set(mac)
    #expect(end.code == 0 && end.output.contains("kept by NetworkManager"), "\(end.output)")
    let calls = guest.text("calls")
    #expect(calls.contains("con-name understudy-eth1 ifname eth1"))
    #expect(calls.contains("ipv4.method manual ipv4.addresses 10.1.2.3/24 ipv4.gateway 10.1.2.1"))
    #expect(calls.contains("ipv4.dns 10.1.2.4 ipv4.dns-search shop.example"))
    #expect(calls.contains("nmcli connection up understudy-eth1"))
  }

  @Test func `without anything that keeps it the card is set, and nothing is claimed`() throws {
    let guest = try Guest(programs: [])
    defer { guest.remove() }
    let end = try guest.set(mac)
    #expect(end.code == 0 && !end.output.contains("kept"), "\(end.output)")
    #expect(guest.text("calls").contains("ip addr add 10.1.2.3/24 dev eth1"))
    #expect(guest.text("calls").contains("ip route add default via 10.1.2.1 dev eth1"))
    let dhcp = try guest.set(mac, dhcp: true)
    #expect(dhcp.code != 0 && dhcp.output.contains("DHCP"))
  }

  @Test func `a card that is not there is said`() throws {
    let guest = try Guest(programs: [])
    defer { guest.remove() }
    let end = try guest.set("52:54:00:00:00:09")
    #expect(end.code == 1 && end.output.contains("52:54:00:00:00:09"))
    #expect(guest.text("calls").isEmpty)
  }
}
