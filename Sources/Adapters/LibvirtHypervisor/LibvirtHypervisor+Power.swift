// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Glibc
package import Hypervisor
internal import Logging
package import RecoveryModel

extension LibvirtHypervisor {
  package func startRecoveredVM(
    _ specification: RecoveredVM
  ) async throws(HypervisorError) -> VMIdentifier {
    let (allowsKVM, logger) = (allowsKVM, logger)
    return try await run(on: .patient) { connection throws(HypervisorError) in
      let vm = connection.identifiers.vm(uuid: specification.uuid)
      let existing = try connection.own(specification.uuid, name: specification.name)
      let recovered = RecoveredDomain(
        specification: specification,
        networkNames: try connection.names(of: specification.nics),
        partition: specification.resourcePool.flatMap(connection.identifiers.partition),
        host: connection.traits(for: specification.hardware, allowsKVM: allowsKVM)
      )
      do throws(HypervisorError) {
        let domain = try connection.define(recovered, specification.blueprint, existing)
        for reservation in Reservation.all(in: try domain.xml(ofDefinition: true)) {
          do throws(HypervisorError) { try connection.keep(reservation) } catch {
            logger.warning(
              "no address reserved",
              metadata: ["network": "\(reservation.network)", "reason": "\(error)"]
            )
          }
        }
        if try !domain.isActive { try domain.start() }
        try domain.outliveExports(specification.disks)
      } catch {
        // Nothing is left behind that a later try would have to explain.
        if existing == nil, let domain = try? connection.domain(uuid: specification.uuid) {
          connection.forget(domain)
        }
        throw error
      }
      return vm
    }
  }

  package func define(_ specification: ClonedVM) async throws(HypervisorError) -> VMIdentifier {
    let allowsKVM = allowsKVM
    return try await run(on: .patient) { connection throws(HypervisorError) in
      let existing = try connection.own(specification.uuid, name: specification.name)
      let cloned = RecoveredDomain(
        specification: specification,
        networkNames: try connection.names(of: specification.nics),
        partition: specification.resourcePool.flatMap(connection.identifiers.partition),
        host: connection.traits(for: specification.hardware, allowsKVM: allowsKVM)
      )
      _ = try connection.define(cloned, specification.blueprint, existing)
      return connection.identifiers.vm(uuid: specification.uuid)
    }
  }

  package func start(_ vm: VMIdentifier) async throws(HypervisorError) {
    try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
      if try !domain.isActive { try domain.start() }
    }
  }

  package func pause(_ vm: VMIdentifier) async throws(HypervisorError) {
    try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.power == .running else { return }
      try LibvirtFailure.check(virDomainSuspend(domain.pointer), "pause the VM")
    }
  }

  package func shutDown(
    _ vm: VMIdentifier,
    timeoutInSeconds: Int,
    force: Bool
  ) async throws(HypervisorError) -> Bool {
    if try await isOff(vm) { return true }
    // The call to the agent can take as long as the guest takes, so it is not waited for here.
    async let _: Void = keepAskingToShutDown(vm)
    let isOff = try await wait(seconds: timeoutInSeconds) { () async throws(HypervisorError) in
      try await self.isOff(vm)
    }
    if !isOff, force { try await cutPower(of: vm) }
    return isOff || force
  }

  package func isGuestAgentConnected(
    in vm: VMIdentifier
  ) async throws(HypervisorError) -> Bool {
    try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { return false }
      return try domain.description().isAgentConnected
    }
  }

  package func remove(_ vm: VMIdentifier) async throws(HypervisorError) {
    do {
      try await cutPower(of: vm)
      try await run { connection throws(HypervisorError) in
        let domain = try connection.domain(of: vm)
        try connection.releaseReservations(of: domain)
        try domain.undefine()
      }
    } catch .noSuchVM {
      return
    }
  }

  private func isOff(_ vm: VMIdentifier) async throws(HypervisorError) -> Bool {
    try await run(with: vm) { domain throws(HypervisorError) in try !domain.isActive }
  }

  /// Asks until the task is cancelled: a guest that is still booting hears nobody yet.
  private func keepAskingToShutDown(_ vm: VMIdentifier) async {
    repeat {
      await askToShutDown(vm)
    } while (try? await Task.sleep(for: .seconds(5))) != nil
  }

  private func askToShutDown(_ vm: VMIdentifier) async {
    do {
      try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
        try domain.askToShutDown()
      }
    } catch {
      logger.info("a VM was not asked to shut down", metadata: ["vm": "\(vm)", "why": "\(error)"])
    }
  }

  /// Destroys the domain.
  ///
  /// QEMU flushes its disks on the way out and would wait for a tap's appliance that hangs, so the
  /// taps are cut first.
  private func cutPower(of vm: VMIdentifier) async throws(HypervisorError) {
    try await run(on: .rescue, with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { return }
      let monitor = QEMUMonitor(domain: domain)
      for disk in try domain.description().disks {
        try? monitor.cut(TapNames.tap(disk.target))
      }
      try domain.destroy()
    }
  }
}

extension LibvirtConnection {
  /// The domain that Understudy made with that UUID before, if there is one.
  ///
  /// Throws ``HypervisorError/nameTaken(_:)`` if somebody else's has the UUID or the name.
  fileprivate func own(
    _ uuid: String,
    name: String
  ) throws(HypervisorError) -> LibvirtDomain? {
    let existing = try domain(uuid: uuid)
    if let existing, try !existing.description().isRecovered {
      throw .nameTaken("\(try existing.name) has the UUID \(uuid)")
    }
    if let other = try domain(name: name), try other.uuid != uuid { throw .nameTaken(name) }
    return existing
  }

  /// The names of the cards' networks.
  ///
  /// Throws ``HypervisorError/noSuchNetwork(_:)``.
  fileprivate func names(of cards: [RecoveredVM.NIC]) throws(HypervisorError) -> [String?] {
    let known = try networkNames()
    var names: [String?] = []
    for card in cards {
      guard let network = card.network else {
        names.append(nil)
        continue
      }
      guard let name = identifiers.name(of: network), known.contains(name) else {
        throw .noSuchNetwork(network)
      }
      names.append(name)
    }
    return names
  }

  /// The domain, defined and with what its firmware and TPM had stored.
  ///
  /// `existing` is the one that was made before. Unless that was not completed it has had its own
  /// life since, and is left as it is.
  fileprivate func define(
    _ recovered: RecoveredDomain,
    _ blueprint: VMBlueprint?,
    _ existing: LibvirtDomain?
  ) throws(HypervisorError) -> LibvirtDomain {
    if let existing, try !existing.xml(ofDefinition: true).isIncomplete { return existing }
    var recovered = recovered
    // What somebody else reserved is not ours to release.
    recovered.reservations = recovered.wishedReservations.filter { !isKept($0) }
    guard let files = blueprint?.files, !files.isEmpty else { return try define(recovered.xml) }
    var unfinished = recovered
    unfinished.isIncomplete = true
    try place(files, of: try define(unfinished.xml))
    return try define(recovered.xml)
  }

  /// Takes a domain away as far as it can be.
  fileprivate func forget(_ domain: LibvirtDomain) {
    try? domain.destroy()
    try? releaseReservations(of: domain)
    try? domain.undefine()
  }
}

extension XMLTree {
  /// Whether a domain lacks files that were to be put in place before its first start.
  fileprivate var isIncomplete: Bool {
    self["metadata"]?[RecoveredDomain.mark]?.attributes["state"] == "incomplete"
  }
}

extension LibvirtDomain {
  /// Asks the guest to power off: its agent if one listens, else the power button.
  fileprivate func askToShutDown() throws(HypervisorError) {
    let agent = VIR_DOMAIN_SHUTDOWN_GUEST_AGENT.rawValue
    if try description().isAgentConnected, virDomainShutdownFlags(pointer, agent) == 0 { return }
    guard try isActive else { return }
    let button = VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN.rawValue
    try LibvirtFailure.check(virDomainShutdownFlags(pointer, button), "press the power button")
  }
}
