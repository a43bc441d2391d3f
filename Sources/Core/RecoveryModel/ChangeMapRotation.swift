// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Decides when the maps of changes of a VM's disks are renewed, so that a re-sync costs what was
/// written lately and not since the VM was started.
///
/// A new map is begun beside the old one. The old one may be dropped when everything it alone
/// knows of is durable at the recovery site, and that is known in three steps:
///
/// 1. The new map is begun. What was written to the disk before that is in the old map alone, and
///    may still be on its way to the appliance.
/// 2. Some seconds later all of that has reached the appliance: QEMU hands a write on as soon as
///    the disk has it, first come first served, and an appliance that does not answer for a second
///    is replaced, which ends the order. The stream's last number is noted.
/// 3. The recovery site acknowledges that number.
///
/// If the stream was not in order all the time, nothing is dropped and it begins anew. Nothing is
/// remembered that a new manager would have to know.
///
/// While a sync compares the disks as a whole the stream keeps all writes too, so the same steps
/// lead to a map of the part that was compared by step 1: a sync that is interrupted goes on there.
package struct ChangeMapRotation: Sendable {
  /// Time between a map's beginning and the note of the stream's last number.
  package static let settling = Duration.seconds(10)
  /// Time between the end of one rotation and the beginning of the next.
  package static let interval = Duration.seconds(60)

  /// What the stream's appliance says.
  package struct Facts: Sendable, Equatable {
    /// The appliance's process, and how often its stream has lost its order: all that is true of
    /// one order ends with it.
    package var order: Order
    package var isOrdered: Bool
    /// Whether a sync compares the disks as a whole, and how far it is is known.
    package var isComparing: Bool
    package var last: SequenceNumber
    package var acknowledged: SequenceNumber
    /// Writes of the guest, in total.
    package var writeCount: UInt64

    package init(
      order: Order,
      isOrdered: Bool,
      isComparing: Bool = false,
      last: SequenceNumber,
      acknowledged: SequenceNumber,
      writeCount: UInt64
    ) {
      self.order = order
      self.isOrdered = isOrdered
      self.isComparing = isComparing
      self.last = last
      self.acknowledged = acknowledged
      self.writeCount = writeCount
    }
  }

  /// A time during which a stream did not lose its order.
  package struct Order: Sendable, Equatable {
    package var incarnation: String
    package var generation: UInt64

    package init(incarnation: String, generation: UInt64) {
      self.incarnation = incarnation
      self.generation = generation
    }
  }

  /// One thing to do.
  package enum Action: Sendable, Equatable {
    /// Begin a newer map of each disk, of the part that is compared; unless there is such a one
    /// already beside the oldest.
    case begin
    /// Drop all maps but the newest of each disk.
    case finish
  }

  private enum Phase {
    case due
    case begun(at: Duration, Begun)
    case noted(SequenceNumber, Begun)
    case resting(until: Duration, writeCount: UInt64)
  }

  /// In which order of the stream maps were begun.
  private struct Begun: Equatable {
    var order: Order
    /// Whether they tell of the part only that a sync had compared.
    var isPart: Bool

    /// Of no more use: the order was lost, or the whole is compared by now.
    func isOver(_ facts: Facts) -> Bool { order != facts.order || isPart && facts.isOrdered }
  }

  private var phase = Phase.due

  package init() {}

  /// What is to be done now.
  ///
  /// `now` is a time before the facts were gathered, by any clock that does not jump.
  package mutating func action(for facts: Facts, at now: Duration) -> Action? {
    guard facts.isOrdered || facts.isComparing else {
      phase = .due
      return nil
    }
    switch phase {
    case .due: return .begin
    case .resting(let end, let writeCount):
      return now >= end && facts.writeCount != writeCount ? .begin : nil
    case .begun(let start, let begun):
      if begun.isOver(facts) { return .begin }
      guard now - start >= Self.settling else { return nil }
      phase = .noted(facts.last, begun)
    case .noted(_, let begun):
      if begun.isOver(facts) { return .begin }
    }
    guard case .noted(let last, _) = phase, facts.acknowledged >= last else { return nil }
    return .finish
  }

  /// Notes that an action was carried out; `now` is a time after that.
  package mutating func carriedOut(_ action: Action, for facts: Facts, at now: Duration) {
    switch action {
    case .begin:
      phase = .begun(at: now, Begun(order: facts.order, isPart: !facts.isOrdered))
    case .finish:
      // A sync that goes on has compared more by now.
      phase =
        facts.isOrdered
        ? .resting(until: now + Self.interval, writeCount: facts.writeCount) : .due
    }
  }

  /// Notes that an action failed: it is tried again when the next rotation would be due.
  package mutating func failed(for facts: Facts, at now: Duration) {
    phase = .resting(until: now + Self.interval, writeCount: facts.writeCount &- 1)
  }
}
