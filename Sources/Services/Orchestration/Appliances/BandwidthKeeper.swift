// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
package import Logging
package import RecoveryModel
package import Store

/// Divides the site's limit for replication between its appliances, by what each has to send.
struct BandwidthKeeper: Sendable {
  private static let interval = Duration.seconds(2)
  /// A part that differs by less than this is not sent anew.
  private static let tolerance = 0.02

  let context: SiteContext

  /// Runs until the task is cancelled.
  func run() async {
    var given: [ApplianceIdentifier: (incarnation: String, request: BandwidthRequest)] = [:]
    while !Task.isCancelled {
      await context.replication.refresh()
      await divide(&given)
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  private func divide(
    _ given: inout [ApplianceIdentifier: (incarnation: String, request: BandwidthRequest)]
  ) async {
    let schedule = await context.replication.settings.bandwidth
    var present: [(appliance: ApplianceIdentifier, status: ApplianceStatus)] = []
    for appliance in context.appliances.all {
      guard let sighting = await context.appliances.sighting(of: appliance.identifier),
        sighting.isReachable
      else { continue }
      present.append((appliance.identifier, sighting.status))
    }
    var wishes: [BandwidthDivision.Wish] = []
    for (_, status) in present { wishes.append(await wish(of: status)) }
    // Without a limit at the moment the parts are those for the next one: even ones.
    let limit = schedule.limit(at: context.moment())
    let parts = BandwidthDivision.shares(
      of: Double(limit ?? UInt64.max),
      for: limit == nil ? wishes.map { .init(demand: 0, weight: $0.weight) } : wishes
    )
    for ((appliance, status), part) in zip(present, parts) {
      let request = BandwidthRequest(schedule: schedule, part: min(part, 1))
      if let last = given[appliance], last.incarnation == status.incarnation,
        last.request.schedule == schedule, abs(last.request.part - part) < Self.tolerance * part
      {
        continue
      }
      do throws(SiteError) {
        try await context.appliances.client(for: appliance).setBandwidth(request)
        given[appliance] = (status.incarnation, request)
      } catch {
        context.logger.warning(
          "an appliance was not told its part of the line",
          metadata: ["appliance": "\(appliance)", "reason": "\(error.message)"]
        )
      }
    }
  }

  /// What an appliance sends now, and what it could send on top within the interval.
  private func wish(of status: ApplianceStatus) async -> BandwidthDivision.Wish {
    var wish = BandwidthDivision.Wish(demand: 0, weight: 0)
    for stream in status.streams {
      let rate = await context.appliances.rate(of: stream.stream)
      let definition = await context.vpgs.record(stream.vpg)?.definition
      wish.demand += rate.sentBytes + Double(stream.bufferedByteCount)
      wish.weight += Double(definition?.policy.priority.weight ?? 1)
    }
    return wish
  }
}

/// The site's settings for replication, as the store has them.
///
/// They may be changed by another process: the command line writes them to the store.
package actor ReplicationBook {
  private let store: any Store
  private let logger: Logger
  package private(set) var settings = ReplicationSettings()

  package init(store: any Store, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// Reads the store; keeps what is known if it cannot be read.
  package func refresh() async {
    do { settings = try await store.replicationSettings() ?? ReplicationSettings() } catch {
      logger.warning("the settings cannot be read", metadata: ["reason": "\(error)"])
    }
  }
}
