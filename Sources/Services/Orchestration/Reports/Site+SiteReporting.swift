// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
package import RecoveryModel
internal import Store

extension Site {
  package func now() -> WallTime { context.now() }

  // MARK: What it offers

  package func licence() async throws(SiteError) -> LicenceView {
    let licence: LicenceRecord?
    do { licence = try await context.store.licence() } catch { throw SiteError(error) }
    let definitions = await context.vpgs.all().filter { $0.phase != .recovered }.map(\.definition)
    var sites: [LicenceView.SiteUse] = []
    let own = (site: context.site, name: context.settings.name)
    for (site, name) in [own] + (await context.peers.all().map { ($0.site, $0.name) }) {
      let vms = definitions.filter { $0.protectedSite == site }.flatMap(\.vms)
      sites.append(
        LicenceView.SiteUse(
          identifier: site,
          name: name,
          protectedVMs: Set(vms.map(\.identifier)).count
        )
      )
    }
    return LicenceView(licence: licence, sites: sites)
  }

  package func setLicence(_ key: String?, user: String) async throws(SiteError) {
    do {
      if let key {
        try await context.store.save(LicenceRecord(key: key, since: context.now()))
      } else {
        try await context.store.removeLicence()
      }
    } catch { throw SiteError(error) }
    await context.events.record(
      .unknown,
      key == nil ? "The licence key was removed." : "A licence key was set.",
      user: user
    )
  }

  package func serviceProfiles() async throws(SiteError) -> [ServiceProfile] {
    do { return try await context.store.serviceProfiles().sorted { $0.name < $1.name } } catch {
      throw SiteError(error)
    }
  }

  package func organisations() async throws(SiteError) -> [Organisation] {
    do { return try await context.store.organisations().sorted { $0.name < $1.name } } catch {
      throw SiteError(error)
    }
  }

  // MARK: Storage

  private var storage: StorageUse { StorageUse(context: context) }

  package func volumes() async throws(SiteError) -> [VolumeView] {
    try await storage.volumes(in: try await inventory(of: context.site))
  }

  package func datastores() async throws(SiteError) -> [DatastoreView] {
    let inventory = try await inventory(of: context.site)
    let volumes = try await storage.volumes(in: inventory)
    let alerts = await journalAlerts(in: inventory)
    return inventory.datastores.map { datastore in
      var view = DatastoreView(
        datastore: datastore,
        volumes: volumes.filter { $0.datastore?.identifier == datastore.identifier },
        applianceCount: context.appliances.appliance(on: datastore.host) == nil ? 0 : 1
      )
      let host = inventory.hosts.first { $0.identifier == datastore.host }
      view.isAvailable = datastore.fault == nil && host?.isConnected == true
      view.alerts = alerts.filter { $0.datastore == datastore.identifier }.map(\.alert)
      return view
    }
  }

  /// The alerts about journals, with the datastore each journal is on.
  private func journalAlerts(
    in inventory: Inventory
  ) async -> [(alert: AlertRecord, datastore: DatastoreIdentifier)] {
    var found: [(alert: AlertRecord, datastore: DatastoreIdentifier)] = []
    for alert in await alertBook.all() {
      guard case .stream(let stream) = alert.condition.subject,
        let journal = await context.appliances.journal(stream),
        let file = journal.files.first(where: { $0.kind == .journal }),
        let datastore = inventory.datastore(holding: file.path)
      else { continue }
      found.append((alert, datastore.identifier))
    }
    return found
  }

  // MARK: Reports

  package func statistics() async throws(SiteError) -> [VMStatistics] {
    let time = context.now()
    var found: [VMStatistics] = []
    let records = await context.vpgs.all()
    let judge = await witnesses.judge(of: records)
    for record in records {
      for vm in record.definition.vms {
        guard let stream = judge.stream(vm.stream, of: record) else { continue }
        found.append(
          VMStatistics(
            vm: vm.identifier,
            vpg: record.definition.identifier,
            writeCount: stream.writeCount,
            writtenByteCount: stream.writtenByteCount,
            syncByteCount: stream.syncReadByteCount,
            sentByteCount: stream.sentByteCount,
            time: time
          )
        )
      }
    }
    return found
  }

  package func resourceSamples(
    _ query: SampleQuery
  ) async throws(SiteError) -> [ResourceSample] {
    do { return try await context.store.resourceSamples(query) } catch { throw SiteError(error) }
  }

  package func recoveryReports(
    from start: WallTime?,
    to end: WallTime?
  ) async throws(SiteError) -> [RecoveryReport] {
    do { return try await context.store.recoveryReports(from: start, to: end) } catch {
      throw SiteError(error)
    }
  }

  package func recoveryReport(_ identifier: String) async throws(SiteError) -> RecoveryReport {
    do {
      if let report = try await context.store.recoveryReport(identifier) { return report }
    } catch { throw SiteError(error) }
    throw .notFound("There is no recovery operation \(identifier).")
  }
}
