// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Synchronization

/// The appliances that are in service, and how to call them.
final class ApplianceFleet: Sendable {
  private struct Member {
    var settings: SiteSettings.Appliance
    let control: any ApplianceControl
    /// Another one each time the appliance comes into service.
    let term: Int
  }

  private let connections: any SiteConnections
  private let state = Mutex<(members: [Member], terms: Int)>(([], 0))

  init(_ settings: [SiteSettings.Appliance], connections: any SiteConnections) {
    self.connections = connections
    for appliance in settings { put(appliance) }
  }

  var all: [SiteSettings.Appliance] { state.withLock { $0.members.map(\.settings) } }

  func control(_ appliance: ApplianceIdentifier) -> (any ApplianceControl)? {
    state.withLock { $0.members.first { $0.settings.identifier == appliance }?.control }
  }

  /// What tells the appliance's time in service from earlier ones; nil if it is not in service.
  func term(of appliance: ApplianceIdentifier) -> Int? {
    state.withLock { $0.members.first { $0.settings.identifier == appliance }?.term }
  }

  /// Puts an appliance into service, or changes one that is, but not where it is reached.
  func put(_ appliance: SiteSettings.Appliance) {
    state.withLock { state in
      let index = state.members.firstIndex { $0.settings.identifier == appliance.identifier }
      if let index {
        state.members[index].settings = appliance
      } else {
        state.terms += 1
        let control = connections.appliance(appliance)
        state.members.append(Member(settings: appliance, control: control, term: state.terms))
        state.members.sort { $0.settings.number < $1.settings.number }
      }
    }
  }

  func remove(_ appliance: ApplianceIdentifier) {
    state.withLock { state in state.members.removeAll { $0.settings.identifier == appliance } }
  }
}
