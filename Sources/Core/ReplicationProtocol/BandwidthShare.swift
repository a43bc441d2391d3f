// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Shares one limit of bytes per second between the senders of an appliance: who may send next,
/// and when.
///
/// A token bucket that lends one frame, in front of a start-time fair queue (Goyal, Vin and Cheng,
/// SIGCOMM 1996). What must hold: over any time no more goes out than the limit allows for it, a
/// burst and one frame; those who wait get bytes in proportion to their weights; whoever waits
/// gets its turn. Times are milliseconds of any steady clock.
package struct BandwidthShare: ~Copyable {
  /// One sender, by number.
  package struct Member: Hashable, Sendable {
    fileprivate let number: Int
  }

  private struct Place {
    var priority: VPGDefinition.Priority
    /// Where in virtual time what was granted last ends.
    var finish: UInt64 = 0
    /// What is asked for and not granted yet.
    var request: Request?
  }

  private struct Request {
    let byteCount: Int
    let isSync: Bool
    let start: UInt64
  }

  /// Unused time is worth no more than this.
  private static let burstMilliseconds: Int64 = 50
  /// A frame of this time is short enough for others to have their turn soon.
  private static let frameMilliseconds: UInt64 = 100
  private static let frameByteCounts = 16 << 10...1 << 20
  /// How much more live writes weigh than what a sync reads from a disk.
  private static let liveFactor = 16

  private var places: [Int: Place] = [:]
  private var lastNumber = 0
  private var virtualTime: UInt64 = 0
  private var limit: UInt64?
  /// Thousandths of bytes that may be sent now; negative after a frame was lent.
  private var credit: Int64 = 0
  private var lastRefill: Int64
  /// Bytes granted since the start.
  package private(set) var grantedByteCount: UInt64 = 0

  package init(now: Int64) { lastRefill = now }

  /// The most bytes of one frame that leave others their turn.
  package var frameByteLimit: Int {
    guard let limit else { return Self.frameByteCounts.upperBound }
    let wanted = limit * Self.frameMilliseconds / 1000
    let range = Self.frameByteCounts
    return min(max(Int(clamping: wanted), range.lowerBound), range.upperBound)
  }

  /// Bytes that wait to be granted.
  package var waitingByteCount: Int {
    places.values.reduce(0) { $0 + ($1.request?.byteCount ?? 0) }
  }

  /// Sets the limit in bytes per second; nil for none.
  package mutating func setLimit(_ limit: UInt64?, now: Int64) {
    guard limit != self.limit else { return }
    refill(now)
    self.limit = limit
    // What was lent under a higher limit is not paid back for longer than a second.
    if let limit { credit = min(max(credit, -Self.thousandths(limit)), burst(limit)) }
  }

  /// A sender takes part from here on.
  package mutating func join(_ priority: VPGDefinition.Priority) -> Member {
    lastNumber += 1
    places[lastNumber] = Place(priority: priority)
    return Member(number: lastNumber)
  }

  package mutating func leave(_ member: Member) { places[member.number] = nil }

  package mutating func setPriority(_ priority: VPGDefinition.Priority, of member: Member) {
    places[member.number]?.priority = priority
  }

  /// A sender wants to send a frame; `isSync` if most of it was read from a disk by a sync.
  package mutating func ask(_ member: Member, byteCount: Int, isSync: Bool) {
    guard var place = places[member.number] else { preconditionFailure("not a member") }
    precondition(place.request == nil, "the sender waits already")
    let start = max(virtualTime, place.finish)
    place.request = Request(byteCount: byteCount, isSync: isSync, start: start)
    places[member.number] = place
  }

  /// The sender does not want to send any more.
  package mutating func withdraw(_ member: Member) { places[member.number]?.request = nil }

  /// Whose turn it is; nil if nobody waits or nothing may be sent yet.
  package mutating func grant(now: Int64) -> Member? {
    guard let number = next, var place = places[number], let request = place.request else {
      return nil
    }
    if limit != nil {
      refill(now)
      guard credit > 0 else { return nil }
      credit -= Self.thousandths(UInt64(request.byteCount))
    }
    virtualTime = request.start
    // The constant keeps what integer division loses small.
    let length = UInt64(request.byteCount) * 1024 / UInt64(weight(place, request))
    place.finish = request.start + length
    place.request = nil
    places[number] = place
    grantedByteCount += UInt64(request.byteCount)
    return Member(number: number)
  }

  /// When ``grant(now:)`` is to be asked again; nil if nobody waits.
  package func nextGrant(now: Int64) -> Int64? {
    guard next != nil else { return nil }
    guard let limit, limit > 0 else { return limit == nil ? now : .max }
    let rate = Int64(clamping: limit)
    let missing = 1 - credit
    guard missing > 0 else { return now }
    return max(now, lastRefill + (missing - 1) / rate + 1)
  }

  /// Who began to wait first in virtual time; the older member if two did.
  private var next: Int? {
    var best: (start: UInt64, number: Int)?
    for (number, place) in places {
      guard let request = place.request else { continue }
      if let best, (best.start, best.number) < (request.start, number) { continue }
      best = (request.start, number)
    }
    return best?.number
  }

  private func weight(_ place: Place, _ request: Request) -> Int {
    place.priority.weight * (request.isSync ? 1 : Self.liveFactor)
  }

  private mutating func refill(_ now: Int64) {
    let time = max(0, now - lastRefill)
    lastRefill = max(now, lastRefill)
    guard let limit else { return }
    // Longer than it takes to pay back and to save up counts for nothing.
    let (gain, isHuge) = time.multipliedReportingOverflow(by: Int64(clamping: limit))
    let sum = credit.addingReportingOverflow(isHuge ? .max : gain)
    credit = sum.overflow ? burst(limit) : min(sum.partialValue, burst(limit))
  }

  private func burst(_ limit: UInt64) -> Int64 {
    Self.thousandths(max(1, limit / 1000 * UInt64(Self.burstMilliseconds)))
  }

  private static func thousandths(_ byteCount: UInt64) -> Int64 {
    Int64(clamping: byteCount.multipliedReportingOverflow(by: 1000).partialValue)
  }
}
