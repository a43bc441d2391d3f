// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

/// Sets the addresses of a card inside a guest.
struct GuestNetwork: Sendable {
  /// How long each program in the guest may take.
  private static let programInSeconds = 60

  let hypervisor: any Hypervisor
  let vm: VMIdentifier

  /// Why a card was not set, or only until the guest is started anew; in words for an operator.
  struct Shortfall: Error { let words: String }

  /// Gives the card with that MAC address what is wished for, now and for later starts.
  func set(_ macAddress: String, to addresses: CardAddresses) async throws(Shortfall) {
    do {
      let system = try await hypervisor.guestSystem(in: vm)
      if system.isWindows {
        try await setWindows(system, macAddress, addresses)
      } else {
        try await setLinux(macAddress, addresses)
      }
    } catch let error as Shortfall {
      throw error
    } catch let error as HypervisorError {
      throw Shortfall(words: SiteError(error).message)
    } catch {
      throw Shortfall(words: "\(error)")
    }
  }

  // MARK: Linux

  private func setLinux(_ macAddress: String, _ addresses: CardAddresses) async throws {
    let end = try await hypervisor.run(
      Self.linuxProgram(macAddress, addresses),
      in: vm,
      timeoutInSeconds: Self.programInSeconds
    )
    guard end.exitCode == 0 else { throw Shortfall(words: Self.said(end)) }
    guard end.output.contains("kept by ") else {
      throw Shortfall(
        words: "the address is set, but is lost when the guest is started anew: no "
          + "NetworkManager, systemd-networkd or ifupdown was found to keep it."
      )
    }
  }

  /// Everything a guest is told comes as an argument, so that nothing of it is read as a command.
  static func linuxProgram(_ macAddress: String, _ addresses: CardAddresses) -> GuestProgram {
    var (address, gateway) = ("dhcp", "")
    if case .fixed(let fixed, _, let prefixLength, let way) = addresses.source {
      (address, gateway) = ("\(fixed)/\(prefixLength)", way ?? "")
    }
    let servers = addresses.nameServers.joined(separator: " ")
    return GuestProgram(
      "/bin/sh",
      ["-s", macAddress.lowercased(), address, gateway, servers, addresses.suffix ?? ""],
      input: LinuxAddressScript.text
    )
  }

  // MARK: Windows

  private func setWindows(
    _ system: GuestSystem,
    _ macAddress: String,
    _ addresses: CardAddresses
  ) async throws {
    guard let card = system.cards[macAddress.lowercased()] else {
      throw Shortfall(words: "no network card of the guest has the address \(macAddress).")
    }
    for program in Self.windowsPrograms(card, addresses) {
      let end =
        try await hypervisor.run(program, in: vm, timeoutInSeconds: Self.programInSeconds)
      guard end.exitCode == 0 else { throw Shortfall(words: Self.said(end)) }
    }
  }

  /// What Windows is told, which keeps it.
  static func windowsPrograms(_ card: String, _ addresses: CardAddresses) -> [GuestProgram] {
    func netsh(_ words: String...) -> GuestProgram {
      GuestProgram("netsh.exe", ["interface", "ipv4"] + words)
    }
    let name = "name=\(card)"
    var programs: [GuestProgram] = []
    switch addresses.source {
    case .dhcp, .reserved: programs.append(netsh("set", "address", name, "source=dhcp"))
    case .fixed(let address, let mask, _, let gateway):
      programs.append(
        netsh(
          "set",
          "address",
          name,
          "source=static",
          "address=\(address)",
          "mask=\(mask)",
          "gateway=\(gateway ?? "none")"
        )
      )
    }
    for (index, server) in addresses.nameServers.enumerated() {
      programs.append(
        index == 0
          ? netsh("set", "dnsservers", name, "source=static", "address=\(server)", "validate=no")
          : netsh("add", "dnsservers", name, "address=\(server)", "index=2", "validate=no")
      )
    }
    if let suffix = addresses.suffix {
      let words = "Set-DnsClient -InterfaceAlias $args[0] -ConnectionSpecificSuffix $args[1]"
      programs.append(
        GuestProgram(
          "powershell.exe",
          ["-NoProfile", "-NonInteractive", "-Command", "& { \(words) }", card, suffix]
        )
      )
    }
    return programs
  }

  private static func said(_ end: GuestProgram.End) -> String {
    let output = end.output.split(whereSeparator: \.isNewline).suffix(3).joined(separator: "; ")
    return output.isEmpty ? "the guest's program ended with \(end.exitCode)." : "\(output)."
  }
}
