// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Logging
package import RecoveryModel
internal import Store

/// The alerts that are on, and the one place that turns them on and off.
package actor AlertBook {
  private let context: SiteContext
  private var records: [String: AlertRecord] = [:] {
    didSet { (sorted, worst) = (nil, nil) }
  }
  /// Made of the records when they are asked for: there may be thousands.
  private var sorted: [AlertRecord]?
  private var worst: AlertLevels?
  /// The alerts of each subject by kind: there may be thousands, and each subject is looked at
  /// every second.
  private var identifiers: [AlertCondition.Subject: [AlertCondition.Kind: String]] = [:]

  package init(context: SiteContext) { self.context = context }

  /// Reads what the store remembers.
  package func load() async throws(SiteError) {
    do {
      for alert in try await context.store.alerts() { note(alert) }
    } catch { throw SiteError(error) }
  }

  /// The alerts that are on, newest first.
  package func all() -> [AlertRecord] {
    if let sorted { return sorted }
    let all = records.values.sorted {
      ($1.turnedOn, $1.identifier) < ($0.turnedOn, $0.identifier)
    }
    sorted = all
    return all
  }

  /// The worst alerts that are on, by what they are about.
  func levels() -> AlertLevels {
    if let worst { return worst }
    let levels = AlertLevels(Array(records.values))
    worst = levels
    return levels
  }

  /// The kinds that are on for a subject.
  func raised(for subject: AlertCondition.Subject) -> Set<AlertCondition.Kind> {
    Set((identifiers[subject] ?? [:]).keys)
  }

  /// Turns on what is new of a subject, and off what is over.
  func set(_ conditions: [AlertCondition], for subject: AlertCondition.Subject) async {
    for (kind, identifier) in identifiers[subject] ?? [:]
    where !conditions.contains(where: { $0.kind == kind }) {
      await turnOff(identifier)
    }
    for condition in conditions {
      if let known = identifiers[subject]?[condition.kind] {
        if records[known]?.condition != condition { records[known]?.condition = condition }
      } else {
        await turnOn(condition)
      }
    }
  }

  /// Turns off what is about subjects that are not there any more.
  func keepOnly(_ subjects: Set<AlertCondition.Subject>) async {
    for (subject, kinds) in identifiers where !subjects.contains(subject) {
      for identifier in kinds.values { await turnOff(identifier) }
    }
  }

  /// Marks an alert as seen, or not.
  package func setDismissed(_ identifier: String, _ isDismissed: Bool) async throws(SiteError) {
    guard var record = records[identifier] else {
      throw .notFound("There is no alert \(identifier).")
    }
    record.isDismissed = isDismissed
    do { try await context.store.save(record) } catch { throw SiteError(error) }
    records[identifier]?.isDismissed = isDismissed
  }

  private func turnOn(_ condition: AlertCondition) async {
    let record = AlertRecord(
      identifier: newGUID(),
      condition: condition,
      turnedOn: context.now()
    )
    note(record)
    await stored { try await context.store.save(record) }
    await context.events.record(
      .alertTurnedOn,
      condition.description,
      succeeded: false,
      vpgs: condition.vpgs,
      alert: record.identifier
    )
  }

  private func note(_ record: AlertRecord) {
    records[record.identifier] = record
    identifiers[record.condition.subject, default: [:]][record.condition.kind] = record.identifier
  }

  private func turnOff(_ identifier: String) async {
    guard let record = records.removeValue(forKey: identifier) else { return }
    let (subject, kind) = (record.condition.subject, record.condition.kind)
    if identifiers[subject]?[kind] == identifier { identifiers[subject]?[kind] = nil }
    if identifiers[subject]?.isEmpty == true { identifiers[subject] = nil }
    await stored { try await context.store.removeAlert(record.identifier) }
    await context.events.record(
      .alertTurnedOff,
      "Over: \(record.condition.description)",
      vpgs: record.condition.vpgs,
      alert: record.identifier
    )
  }

  /// An alert that the store does not take is on all the same.
  private func stored(_ body: () async throws -> Void) async {
    do { try await body() } catch {
      context.logger.error("alert not stored", metadata: ["error": "\(error)"])
    }
  }
}
