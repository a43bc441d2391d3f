// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel

/// Has appliances run the program that is installed on their hosts.
///
/// The worker lets go of its taps in order and ends; guests go on alone meanwhile, and a sync of
/// what they wrote follows, as after a worker that died. Who has a VM running on an appliance's
/// disks is not disturbed.
struct ApplianceUpgrade: Sendable {
  /// How long a worker may take to be there again.
  private static let patience = Duration.seconds(60)
  private static let pause = Duration.milliseconds(200)

  let context: SiteContext
  let task: TaskIdentifier
  let user: String

  func run(_ appliances: [ApplianceIdentifier]) async throws(SiteError) {
    var failures: [String] = []
    for (index, appliance) in appliances.enumerated() {
      do throws(SiteError) {
        await context.tasks.note(task, try await upgrade(appliance))
      } catch { failures.append(error.message) }
      await context.tasks.progress(task, 100 * (index + 1) / appliances.count)
    }
    guard failures.isEmpty else { throw .failed(failures.joined(separator: " ")) }
  }

  /// - Returns: What was done, in words.
  private func upgrade(_ appliance: ApplianceIdentifier) async throws(SiteError) -> String {
    let control = try context.appliances.client(for: appliance)
    let before = try await control.status(timeout: nil)
    let wanted = context.settings.version
    guard before.version != wanted else {
      return "The appliance \(appliance) has the manager's version \(wanted)."
    }
    guard before.exports.isEmpty else {
      throw .conflict(
        "The appliance \(appliance) gives out disks of past points, to VMs of a test or to "
          + "sessions: end these first."
      )
    }
    do throws(SiteError) { try await control.restart() } catch {
      // The answer may be lost with the worker; it shows below whether it was restarted.
      guard case .unreachable = error else { throw error }
    }
    let after = try await restarted(appliance, control, since: before)
    guard after.version == wanted else {
      throw .failed(
        "The appliance \(appliance) was restarted and has version \(after.version): the manager's "
          + "\(wanted) is not installed on its host."
      )
    }
    await context.events.record(
      .upgradeVRA,
      "The appliance \(appliance) was upgraded from version \(before.version) to \(wanted).",
      user: user
    )
    return "The appliance \(appliance) has version \(wanted), and had \(before.version)."
  }

  private func restarted(
    _ appliance: ApplianceIdentifier,
    _ control: any ApplianceControl,
    since before: ApplianceStatus
  ) async throws(SiteError) -> ApplianceStatus {
    let deadline = ContinuousClock.now + Self.patience
    while ContinuousClock.now < deadline {
      do throws(SiteError) {
        let status = try await control.status(timeout: .seconds(1))
        if status.incarnation != before.incarnation { return status }
      } catch {
        guard case .unreachable = error else { throw error }
      }
      do { try await Task.sleep(for: Self.pause) } catch { break }
    }
    throw .failed("The appliance \(appliance) was not there again within a minute.")
  }
}
