// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel
internal import Store

// MARK: Addresses of recovered guests

extension RecoverySteps {
  /// Sets the addresses of a machine's cards inside its guest, and looks whether those that its
  /// networks are to give are kept for it.
  func setAddresses(
    of index: Int,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> Findings {
    let machine = workflow.machines[index]
    var findings = Findings(subject: machine.name)
    guard let recovered = machine.recovered else { return findings }
    let vm = try protectedVM(machine, definition)
    let isTest = workflow.kind == .test
    let name = "The addresses of \(machine.name) were not set"
    var inside: [(nic: NICIdentifier, macAddress: String, wish: CardAddresses)] = []
    for (nic, card) in zip(vm.nics, nics(of: vm, machine, definition, isTest: isTest)) {
      let wish: CardAddresses?
      do { wish = try CardAddresses(isTest ? nic.failoverTest : nic.failover) } catch {
        findings.shortfalls.append("\(name) (\(nic.identifier)): \(error.member): \(error.words).")
        continue
      }
      guard let wish else { continue }
      if let address = card.reservedAddress {
        if try await isReserved(address, for: card) {
          findings.successes.append("The network keeps \(address) for \(nic.identifier).")
          continue
        }
        findings.shortfalls.append(
          "\(name) (\(nic.identifier)): the network does not keep \(address) for it. Another card "
            + "may have that address, or the network gives none."
        )
      } else {
        inside.append((nic.identifier, card.macAddress, wish))
      }
    }
    guard !inside.isEmpty else { return findings }
    guard try await silentGuests(of: index..<(index + 1), workflow).isEmpty else {
      findings.shortfalls.append(
        "\(name): no guest agent answered within \(context.settings.guestBootInSeconds) seconds."
      )
      return findings
    }
    let guest = GuestNetwork(hypervisor: context.hypervisor, vm: recovered)
    for (nic, macAddress, wish) in inside {
      do throws(GuestNetwork.Shortfall) {
        try await guest.set(macAddress, to: wish)
        findings.successes.append(
          "\(nic) was set to \(wish.source.words) inside the guest, which will keep it."
        )
      } catch {
        findings.shortfalls.append("\(name) as wished for (\(nic)): \(error.words)")
      }
    }
    return findings
  }

  private func isReserved(
    _ address: String,
    for card: RecoveredVM.NIC
  ) async throws(SiteError) -> Bool {
    guard let network = card.network else { return false }
    do {
      return try await context.hypervisor.reservedAddress(of: card.macAddress, on: network)
        == address
    } catch { throw SiteError(error) }
  }
}

extension CardAddresses.Source {
  /// The address, for a report.
  fileprivate var words: String {
    switch self {
    case .dhcp: "DHCP"
    case .reserved(let address): address
    case .fixed(let address, _, let prefixLength, _): "\(address)/\(prefixLength)"
    }
  }
}
