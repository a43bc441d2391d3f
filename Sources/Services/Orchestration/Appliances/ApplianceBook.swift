// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

/// Which appliances are in service: those of the manager's configuration, and what calls of the API
/// put in, changed and took out since, which is in the store.
package actor ApplianceBook {
  /// The control port of an appliance that is not in the configuration.
  private static let usualControlPort = 9082
  private static let usualStreamPort = 9083
  /// Numbers of appliances that are not in the configuration follow this one.
  private static let lastConfiguredNumber: Int64 = 1000
  /// How long an appliance that is to be put into service may take to answer.
  private static let patience = Duration.seconds(5)

  private let configured: [SiteSettings.Appliance]
  private let directory: ApplianceDirectory
  private let store: any Store
  private let connections: any SiteConnections
  private var records: [ApplianceIdentifier: ApplianceRecord] = [:]

  init(
    configured: [SiteSettings.Appliance],
    directory: ApplianceDirectory,
    store: any Store,
    connections: any SiteConnections
  ) {
    self.configured = configured
    self.directory = directory
    self.store = store
    self.connections = connections
  }

  /// Reads the store; called once, before the appliances are asked anything.
  func load() async throws(SiteError) {
    do {
      for record in try await store.appliances() { records[record.identifier] = record }
    } catch { throw SiteError(error) }
    for record in records.values {
      if record.isOut {
        await directory.remove(record.identifier)
      } else if let settings = settings(of: record) {
        directory.put(settings)
      }
    }
  }

  /// The appliance on a host that is not in service: one of the configuration that was taken out,
  /// or the one that answers at an address.
  func candidate(
    on host: HostIdentifier,
    named hostName: String,
    address: String?
  ) async throws(SiteError) -> SiteSettings.Appliance {
    if let known = configured.first(where: { $0.serves(host) }) { return known }
    let place = address ?? hostName
    var candidate = SiteSettings.Appliance(
      identifier: ApplianceIdentifier(""),
      hostName: hostName,
      controlHost: place,
      controlPort: Self.usualControlPort,
      streamHost: place,
      streamPort: Self.usualStreamPort
    )
    let status = try await ask(candidate)
    candidate.identifier = status.identifier
    candidate.streamHost = status.streamHost ?? place
    candidate.streamPort = status.streamPort ?? Self.usualStreamPort
    candidate.number =
      1
      + max(
        Self.lastConfiguredNumber,
        records.values.compactMap { $0.place?.number }.max() ?? 0
      )
    return candidate
  }

  /// Puts an appliance into service once it answers.
  func putIn(
    _ appliance: SiteSettings.Appliance,
    group: String?
  ) async throws(SiteError) -> SiteSettings.Appliance {
    guard !directory.all.contains(where: { $0.identifier == appliance.identifier }) else {
      throw .conflict("The appliance \(appliance.identifier) is in service already.")
    }
    let isConfigured = configured.contains { $0.identifier == appliance.identifier }
    if isConfigured { _ = try await ask(appliance) }
    var record = records[appliance.identifier] ?? ApplianceRecord(identifier: appliance.identifier)
    record.isOut = false
    record.group = group ?? record.group
    if !isConfigured, let hostName = appliance.hostName {
      record.place = ApplianceRecord.Place(
        hostName: hostName,
        controlHost: appliance.controlHost,
        controlPort: appliance.controlPort,
        streamHost: appliance.streamHost,
        streamPort: appliance.streamPort,
        number: appliance.number
      )
    }
    return try await keep(record)
  }

  /// Puts an appliance into a group.
  func setGroup(_ group: String, of appliance: ApplianceIdentifier) async throws(SiteError) {
    var record = records[appliance] ?? ApplianceRecord(identifier: appliance)
    record.group = group
    _ = try await keep(record)
  }

  /// Takes an appliance out of service.
  func takeOut(_ appliance: ApplianceIdentifier) async throws(SiteError) {
    do throws(StoreError) {
      if configured.contains(where: { $0.identifier == appliance }) {
        // The configuration goes on naming it.
        var record = records[appliance] ?? ApplianceRecord(identifier: appliance)
        record.isOut = true
        record.group = nil
        try await store.save(record)
        records[appliance] = record
      } else {
        try await store.removeAppliance(appliance)
        records[appliance] = nil
      }
    } catch { throw SiteError(error) }
    await directory.remove(appliance)
  }

  private func keep(_ record: ApplianceRecord) async throws(SiteError) -> SiteSettings.Appliance {
    guard let settings = settings(of: record) else {
      throw .notFound("This site has no appliance \(record.identifier).")
    }
    do { try await store.save(record) } catch { throw SiteError(error) }
    records[record.identifier] = record
    directory.put(settings)
    return settings
  }

  /// What a record and the configuration say together; nil if nothing says where the appliance is.
  private func settings(of record: ApplianceRecord) -> SiteSettings.Appliance? {
    var settings = configured.first { $0.identifier == record.identifier }
    if settings == nil, let place = record.place {
      settings = SiteSettings.Appliance(
        identifier: record.identifier,
        hostName: place.hostName,
        controlHost: place.controlHost,
        controlPort: place.controlPort,
        streamHost: place.streamHost,
        streamPort: place.streamPort
      )
      settings?.number = place.number
    }
    settings?.group = record.group ?? SiteSettings.Appliance.usualGroup
    return settings
  }

  private func ask(
    _ appliance: SiteSettings.Appliance
  ) async throws(SiteError) -> ApplianceStatus {
    do throws(SiteError) {
      return try await connections.appliance(appliance).status(timeout: Self.patience)
    } catch {
      throw .unreachable(
        "No appliance of this site answers at \(appliance.controlHost):\(appliance.controlPort): "
          + "\(error.message) Its service is installed and started on the host itself."
      )
    }
  }
}
