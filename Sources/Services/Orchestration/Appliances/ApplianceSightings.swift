// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel

/// What the site's appliances last said, as one value.
///
/// Whoever looks at many streams takes it once, and asks nobody for each of them.
package struct ApplianceSightings: Sendable {
  /// What an appliance last said.
  package struct Sighting: Sendable {
    package let status: ApplianceStatus
    package let seen: ContinuousClock.Instant
    /// Whether it answered the latest call.
    package fileprivate(set) var isReachable: Bool
    private let streams: [StreamIdentifier: Int]
    private let journals: [StreamIdentifier: Int]

    fileprivate init(_ status: ApplianceStatus, seen: ContinuousClock.Instant) {
      self.status = status
      self.seen = seen
      isReachable = true
      streams = Dictionary(
        status.streams.enumerated().map { ($1.stream, $0) },
        uniquingKeysWith: { first, _ in first }
      )
      journals = Dictionary(
        status.journals.enumerated().map { ($1.stream, $0) },
        uniquingKeysWith: { first, _ in first }
      )
    }

    fileprivate func stream(_ stream: StreamIdentifier) -> StreamStatus? {
      streams[stream].map { status.streams[$0] }
    }

    fileprivate func journal(_ stream: StreamIdentifier) -> JournalStatus? {
      journals[stream].map { status.journals[$0] }
    }

    fileprivate func sends(_ stream: StreamIdentifier) -> Bool {
      isReachable && streams[stream] != nil
    }
  }

  private var sightings: [ApplianceIdentifier: Sighting] = [:]
  private var rates: [StreamIdentifier: StreamRate] = [:]

  /// Whether no appliance has ever said anything.
  package var isEmpty: Bool { sightings.isEmpty }

  package func sighting(of appliance: ApplianceIdentifier) -> Sighting? { sightings[appliance] }

  /// The latest status of a stream that an appliance of this site sends, if it answers.
  package func stream(_ stream: StreamIdentifier) -> StreamStatus? {
    for sighting in sightings.values where sighting.isReachable {
      if let status = sighting.stream(stream) { return status }
    }
    return nil
  }

  /// The latest status of a journal kept at this site, also when its appliance does not answer now:
  /// what is in a journal stays there.
  package func journal(_ stream: StreamIdentifier) -> JournalStatus? {
    for sighting in sightings.values {
      if let status = sighting.journal(stream) { return status }
    }
    return nil
  }

  /// The appliance that sends a stream, if it answers.
  package func sender(of stream: StreamIdentifier) -> ApplianceIdentifier? {
    sightings.first { $0.value.sends(stream) }?.key
  }

  /// All appliances that say they send a stream: more than one after a VM was migrated.
  package func senders(of stream: StreamIdentifier) -> [ApplianceIdentifier] {
    sightings.filter { $0.value.sends(stream) }.keys.sorted()
  }

  /// Writes and bytes per second of a stream over the last second or so.
  package func rate(of stream: StreamIdentifier) -> StreamRate.Rate {
    rates[stream]?.current ?? StreamRate.Rate()
  }

  // MARK: For the directory

  mutating func note(_ status: ApplianceStatus, of appliance: ApplianceIdentifier) {
    let now = ContinuousClock.now
    sightings[appliance] = Sighting(status, seen: now)
    for stream in status.streams {
      rates[stream.stream, default: StreamRate()].note(
        writeCount: stream.writeCount,
        byteCount: stream.writtenByteCount,
        sentByteCount: stream.sentByteCount,
        at: now
      )
    }
  }

  mutating func remove(_ appliance: ApplianceIdentifier) { sightings[appliance] = nil }

  mutating func noteSilence(of appliance: ApplianceIdentifier) {
    sightings[appliance]?.isReachable = false
  }
}
