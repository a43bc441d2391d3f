// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
internal import Logging
internal import Store

/// Keeps in the store what each of the site's hosts had when it last answered.
///
/// A manager that is started while one of them is silent shows it as it was, and recovers VMs at
/// the others.
struct HostMemory: Sendable {
  private static let interval = Duration.seconds(60)

  let context: SiteContext

  /// Tells the hypervisor what was kept.
  func load() async throws(SiteError) {
    let record: HostsLastSeenRecord?
    do { record = try await context.store.hostsLastSeen() } catch { throw SiteError(error) }
    guard let record else { return }
    do {
      context.hypervisor.recall(
        try record.hosts.mapValues { try JSONDecoder().decode(Inventory.self, from: Data($0.utf8)) }
      )
    } catch {
      // Each host that answers is as good as remembered.
      context.logger.warning(
        "what hosts had when they last answered cannot be read",
        metadata: ["reason": "\(error)"]
      )
    }
  }

  /// Runs until the task is cancelled.
  func run() async {
    var kept: [String: Inventory] = [:]
    while !Task.isCancelled {
      kept = await keep(unless: kept)
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  /// Keeps what is worth it; what is kept now.
  func keep(unless kept: [String: Inventory] = [:]) async -> [String: Inventory] {
    let seen = context.hypervisor.lastSeen()
    // Free space changes all the time, and is asked for anew before it matters.
    let lasting = seen.mapValues { inventory in
      var inventory = inventory
      for index in inventory.datastores.indices { inventory.datastores[index].freeInBytes = 0 }
      return inventory
    }
    guard lasting != kept else { return kept }
    do {
      let hosts = try seen.mapValues {
        String(decoding: try JSONEncoder().encode($0), as: UTF8.self)
      }
      try await context.store.save(HostsLastSeenRecord(hosts: hosts))
      return lasting
    } catch {
      context.logger.warning(
        "what the hosts have cannot be kept",
        metadata: ["reason": "\(error)"]
      )
      return kept
    }
  }
}
