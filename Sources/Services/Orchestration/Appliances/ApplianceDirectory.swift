// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import Hypervisor
package import Logging
package import RecoveryModel

/// The appliances of this site: how to call them and how they last were.
package actor ApplianceDirectory {
  private nonisolated let fleet: ApplianceFleet
  private let logger: Logger
  /// How the appliances last were.
  package private(set) var sightings = ApplianceSightings()
  private var trust = TrustRequest(authorities: [:])
  /// The incarnation that was last told whom to trust, and what.
  private var trusted: [ApplianceIdentifier: (incarnation: String, request: TrustRequest)] = [:]

  package init(
    _ settings: [SiteSettings.Appliance],
    connections: any SiteConnections,
    logger: Logger
  ) {
    self.logger = logger
    fleet = ApplianceFleet(settings, connections: connections)
  }

  // MARK: Who and where

  /// Those in service.
  package nonisolated var all: [SiteSettings.Appliance] { fleet.all }

  /// See ``ApplianceFleet/term(of:)``.
  nonisolated func term(of appliance: ApplianceIdentifier) -> Int? { fleet.term(of: appliance) }

  /// Puts an appliance into service, or changes what it is called.
  nonisolated func put(_ appliance: SiteSettings.Appliance) { fleet.put(appliance) }

  /// Takes an appliance out of service: nobody looks at it any more.
  func remove(_ appliance: ApplianceIdentifier) {
    fleet.remove(appliance)
    sightings.remove(appliance)
    trusted[appliance] = nil
  }

  package nonisolated func client(
    for appliance: ApplianceIdentifier
  ) throws(SiteError) -> any ApplianceControl {
    guard let control = fleet.control(appliance) else {
      throw .notFound("This site has no appliance \(appliance).")
    }
    return control
  }

  /// The appliance that serves a hypervisor host.
  package nonisolated func appliance(on host: HostIdentifier) -> SiteSettings.Appliance? {
    fleet.all.first { $0.serves(host) }
  }

  /// The hosts of a site that have an appliance.
  package nonisolated func hosts(of inventory: Inventory) -> Set<HostIdentifier> {
    Set(inventory.hosts.map(\.identifier).filter { appliance(on: $0) != nil })
  }

  /// The same as appliance(on:), with its calls, or the words why there is none.
  package nonisolated func client(on host: HostIdentifier) throws(SiteError) -> any ApplianceControl
  {
    guard let appliance = appliance(on: host) else {
      throw .conflict("No appliance is installed on host \(host).")
    }
    return try client(for: appliance.identifier)
  }

  // MARK: How they are

  package func sighting(of appliance: ApplianceIdentifier) -> ApplianceSightings.Sighting? {
    sightings.sighting(of: appliance)
  }

  package func stream(_ stream: StreamIdentifier) -> StreamStatus? { sightings.stream(stream) }

  package func journal(_ stream: StreamIdentifier) -> JournalStatus? { sightings.journal(stream) }

  package func sender(of stream: StreamIdentifier) -> ApplianceIdentifier? {
    sightings.sender(of: stream)
  }

  package func senders(of stream: StreamIdentifier) -> [ApplianceIdentifier] {
    sightings.senders(of: stream)
  }

  package func rate(of stream: StreamIdentifier) -> StreamRate.Rate { sightings.rate(of: stream) }

  /// Asks an appliance how it is, and tells a new process whom to trust.
  ///
  /// - Returns: Its status; nil if it does not answer.
  @discardableResult
  package func look(
    at appliance: ApplianceIdentifier,
    timeout: Duration? = nil
  ) async -> ApplianceStatus? {
    guard let control = fleet.control(appliance) else { return nil }
    do throws(SiteError) {
      let status = try await control.status(timeout: timeout)
      // It may have been taken out of service while it was asked.
      guard fleet.control(appliance) != nil else { return nil }
      sightings.note(status, of: appliance)
      try await teach(appliance, control, incarnation: status.incarnation)
      return status
    } catch {
      if sightings.sighting(of: appliance)?.isReachable == true {
        logger.warning(
          "appliance does not answer",
          metadata: ["appliance": "\(appliance)", "reason": "\(error.message)"]
        )
      }
      sightings.noteSilence(of: appliance)
      return nil
    }
  }

  /// Sets whom the appliances trust; those that answer learn it now, others when they do.
  package func setTrust(_ request: TrustRequest) async {
    trust = request
    for appliance in all { await look(at: appliance.identifier) }
  }

  private func teach(
    _ appliance: ApplianceIdentifier,
    _ control: any ApplianceControl,
    incarnation: String
  ) async throws(SiteError) {
    let request = trust
    guard !request.authorities.isEmpty else { return }
    if let last = trusted[appliance], last.incarnation == incarnation, last.request == request {
      return
    }
    try await control.setTrust(request)
    trusted[appliance] = (incarnation, request)
  }
}

extension SiteSettings.Appliance {
  /// Whether it is the appliance of a hypervisor host.
  func serves(_ host: HostIdentifier) -> Bool {
    guard let hostName else { return true }
    return host.rawValue.hasSuffix(".host-\(hostName)")
  }
}
