// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Logging
package import RecoveryModel
internal import Store

/// What the site's protected VMs take of their hosts: measured once a minute, so that samples and
/// peers can be told without asking the hypervisor each time.
package actor ResourceMeter {
  /// What a VM takes, over the time between the two latest measurements.
  package struct Reading: Codable, Sendable, Equatable {
    /// nil until the VM was measured twice in one run, or if the host does not say its clock.
    package var cpuUsedInMHz: Int?
    package var activeMemoryInMB: Int?
    package var consumedMemoryInMB: Int?

    package init() {}
  }

  private static let interval = Duration.seconds(60)

  private let context: SiteContext
  private var latest: [VMIdentifier: (usage: VMUsage, time: ContinuousClock.Instant)] = [:]
  /// The latest readings of this site's VMs; there is none of a VM that is off.
  package private(set) var readings: [VMIdentifier: Reading] = [:]

  package init(context: SiteContext) { self.context = context }

  /// Measures until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      await measure(at: .now)
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  /// Measures once.
  package func measure(at now: ContinuousClock.Instant) async {
    let machines = await context.vpgs.all()
      .filter { $0.definition.protectedSite == context.site }
      .flatMap { $0.definition.vms.map(\.identifier) }
    guard !machines.isEmpty else {
      (latest, readings) = ([:], [:])
      return
    }
    let usages: [VMIdentifier: VMUsage]
    do { usages = try await context.hypervisor.usage(of: machines) } catch {
      context.logger.warning("VMs not measured", metadata: ["reason": "\(error)"])
      return
    }
    readings = usages.reduce(into: [:]) { readings, entry in
      readings[entry.key] = reading(entry.value, since: latest[entry.key], at: now)
    }
    latest = usages.mapValues { ($0, now) }
  }

  /// A total that fell is that of a VM that was started anew: it begins a new measurement.
  private func reading(
    _ usage: VMUsage,
    since before: (usage: VMUsage, time: ContinuousClock.Instant)?,
    at now: ContinuousClock.Instant
  ) -> Reading {
    var reading = Reading()
    reading.activeMemoryInMB = usage.activeMemoryInMB
    reading.consumedMemoryInMB = usage.consumedMemoryInMB
    if let before, now > before.time, usage.hostMHz > 0,
      usage.cpuNanoseconds >= before.usage.cpuNanoseconds
    {
      let busy = Double(usage.cpuNanoseconds - before.usage.cpuNanoseconds) / 1e9
      let elapsed = (now - before.time) / .seconds(1)
      reading.cpuUsedInMHz = Int((busy / elapsed * Double(usage.hostMHz)).rounded())
    }
    return reading
  }
}
