// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel

/// Looks after the site's appliances, several times a second, each on its own.
///
/// A guest waits for its appliance at every write, so an appliance that hangs must be found and
/// cut off within two seconds, by someone who does not depend on it.
struct ApplianceWatch: Sendable {
  private static let interval = Duration.milliseconds(300)
  private static let patience = Duration.milliseconds(700)
  private static let missesUntilCut = 2
  /// How often it is looked whether other appliances are in service.
  private static let roundInterval = Duration.seconds(1)

  /// An appliance and its time in service.
  private struct Watched: Hashable {
    let appliance: ApplianceIdentifier
    let term: Int
  }

  let context: SiteContext
  let keeper: ProtectionKeeper

  /// Runs until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      var watched: Set<Watched> = []
      while !Task.isCancelled {
        for appliance in context.appliances.all {
          guard let term = context.appliances.term(of: appliance.identifier) else { continue }
          let key = Watched(appliance: appliance.identifier, term: term)
          guard watched.insert(key).inserted else { continue }
          group.addTask { await watch(appliance, term) }
        }
        do { try await Task.sleep(for: Self.roundInterval) } catch { break }
      }
      group.cancelAll()
    }
  }

  /// Watches an appliance until it is taken out of service.
  private func watch(_ appliance: SiteSettings.Appliance, _ term: Int) async {
    var misses = 0
    var refusals = RefusalReport(since: context.now())
    while !Task.isCancelled, context.appliances.term(of: appliance.identifier) == term {
      let answer = await context.appliances.look(at: appliance.identifier, timeout: Self.patience)
      for text in refusals.news(answer?.linkRefusals ?? [], at: context.now()) {
        await context.events.record(
          .unknown,
          "Appliance \(appliance.identifier): \(text)",
          succeeded: false
        )
      }
      let isInService = context.appliances.term(of: appliance.identifier) == term
      guard answer == nil, isInService, !Task.isCancelled else {
        misses = 0
        do { try await Task.sleep(for: Self.interval) } catch { return }
        continue
      }
      misses += 1
      if misses == Self.missesUntilCut {
        context.logger.warning(
          "taps of an appliance that does not answer are cut",
          metadata: ["appliance": "\(appliance.identifier)"]
        )
        await keeper.cutTaps(of: appliance)
      }
      if misses >= Self.missesUntilCut {
        do { try await Task.sleep(for: Self.interval) } catch { return }
      }
    }
  }
}
