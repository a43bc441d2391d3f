// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
package import Store

/// The site's VPGs as the store has them: every change goes through here and is durable when the
/// call returns.
package actor VPGBook {
  private let store: any Store
  private var records: [VPGIdentifier: VPGRecord] = [:] {
    didSet { (sorted, names, holders, organisations) = (nil, nil, nil, nil) }
  }
  /// Made of the records when they are asked for: loops ask several times a second.
  private var sorted: [VPGRecord]?
  private var names: [VPGIdentifier: String]?
  private var organisations: [VPGIdentifier: String]?
  private var holders: [VMIdentifier: [VPGIdentifier]]?
  /// VPGs whose definition somebody is changing now.
  private var changing: Set<VPGIdentifier> = []
  /// What some of them are going to be.
  private var intended: [VPGIdentifier: VPGDefinition] = [:]
  /// VPGs that are being made ready at their recovery site, this one, as a definition says.
  private var preparing: Set<VPGIdentifier> = []
  /// Who waits for its turn to do that.
  private var waiting: [VPGIdentifier: [CheckedContinuation<Void, Never>]] = [:]

  package init(store: any Store) { self.store = store }

  /// Reads the store; called once before anything else.
  package func load() async throws(SiteError) {
    do {
      let stored = try await store.vpgs()
      records = Dictionary(stored.map { ($0.definition.identifier, $0) }) { $1 }
    } catch { throw SiteError(error) }
  }

  /// All VPGs this site is a part of, by name.
  package func all() -> [VPGRecord] {
    if let sorted { return sorted }
    let all = records.values.sorted {
      ($0.definition.name, $0.definition.identifier) < (
        $1.definition.name, $1.definition.identifier
      )
    }
    sorted = all
    return all
  }

  /// What people call the VPGs.
  package func allNames() -> [VPGIdentifier: String] {
    if let names { return names }
    let all = records.mapValues(\.definition.name)
    names = all
    return all
  }

  /// The identifiers of the organisations that VPGs belong to.
  package func allOrganisations() -> [VPGIdentifier: String] {
    if let organisations { return organisations }
    let all = records.compactMapValues(\.definition.policy.zorg)
    organisations = all
    return all
  }

  package func record(_ vpg: VPGIdentifier) -> VPGRecord? { records[vpg] }

  /// The VPGs that a VM is in, by name.
  package func records(of vm: VMIdentifier) -> [VPGRecord] {
    let holders = holders ?? madeHolders()
    return (holders[vm] ?? []).compactMap { records[$0] }
  }

  private func madeHolders() -> [VMIdentifier: [VPGIdentifier]] {
    var made: [VMIdentifier: [VPGIdentifier]] = [:]
    for record in all() {
      for vm in record.definition.vms {
        made[vm.identifier, default: []].append(record.definition.identifier)
      }
    }
    holders = made
    return made
  }

  package func save(_ record: VPGRecord) async throws(SiteError) {
    do { try await store.save(record) } catch { throw SiteError(error) }
    records[record.definition.identifier] = record
  }

  /// Changes a record; one that is gone is not made anew.
  ///
  /// - Returns: The record as it is now.
  @discardableResult
  package func update(
    _ vpg: VPGIdentifier,
    _ body: @Sendable (inout VPGRecord) -> Void
  ) async throws(SiteError) -> VPGRecord {
    guard var record = records[vpg] else { throw .notFound("There is no VPG \(vpg).") }
    let old = record
    body(&record)
    guard record != old else { return record }
    records[vpg] = record
    do { try await store.save(record) } catch {
      if records[vpg] == record { records[vpg] = old }
      throw SiteError(error)
    }
    return record
  }

  /// Changes a VPG's definition, and makes VPGs of VMs that it has no more: all in one.
  package func part(
    _ vpg: VPGIdentifier,
    _ kept: VPGDefinition,
    _ left: [VPGDefinition]
  ) async throws(SiteError) {
    guard let old = records[vpg] else { throw .notFound("There is no VPG \(vpg).") }
    let new = old.parted(kept, left)
    for record in new { records[record.definition.identifier] = record }
    do { try await store.save(new) } catch {
      for record in new where records[record.definition.identifier] == record {
        records[record.definition.identifier] = record.definition.identifier == vpg ? old : nil
      }
      throw SiteError(error)
    }
  }

  // MARK: One change at a time

  /// Takes a VPG, or one that is to be made, for a change of its definition; whoever does has to
  /// give it back.
  package func beginChange(of vpg: VPGIdentifier) throws(SiteError) {
    guard changing.insert(vpg).inserted else {
      throw .conflict("The VPG is being changed by someone else.")
    }
  }

  /// Notes what a VPG that was taken is going to be, if `check` lets it pass beside all others: as
  /// they are, and as they are going to be.
  ///
  /// Of two changes that exclude each other the second one is refused, however long each takes.
  package func intend(
    _ definition: VPGDefinition,
    check: @Sendable (_ others: [VPGRecord]) throws(SiteError) -> Void
  ) throws(SiteError) {
    try check(all() + intended.values.map { VPGRecord(definition: $0, phase: .creating) })
    intended[definition.identifier] = definition
  }

  package func endChange(of vpg: VPGIdentifier) {
    changing.remove(vpg)
    intended[vpg] = nil
  }

  package func isChanging(_ vpg: VPGIdentifier) -> Bool { changing.contains(vpg) }

  /// Takes a VPG for its journals to be made, changed or handed over, after those who came before;
  /// whoever does has to give it back.
  package func beginPreparation(of vpg: VPGIdentifier) async {
    guard !preparing.insert(vpg).inserted else { return }
    await withCheckedContinuation { waiting[vpg, default: []].append($0) }
  }

  package func endPreparation(of vpg: VPGIdentifier) {
    guard var others = waiting.removeValue(forKey: vpg) else {
      preparing.remove(vpg)
      return
    }
    let next = others.removeFirst()
    if !others.isEmpty { waiting[vpg] = others }
    next.resume()
  }

  /// The record as the store has it, which may be newer than is known if a call to it failed.
  package func reread(_ vpg: VPGIdentifier) async throws(SiteError) -> VPGRecord? {
    let known = records[vpg]
    let stored: VPGRecord?
    do { stored = try await store.vpgs().first { $0.definition.identifier == vpg } } catch {
      throw SiteError(error)
    }
    // Who changed it meanwhile knows better.
    if records[vpg] == known { records[vpg] = stored }
    return records[vpg]
  }

  package func remove(_ vpg: VPGIdentifier) async throws(SiteError) {
    do { try await store.removeVPG(vpg) } catch { throw SiteError(error) }
    records[vpg] = nil
  }
}
