// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel

// What the reconciler decided, carried out.
extension StreamKeeper {
  /// Carries actions out, one after the other, and gives the VM's taps back, which were taken for
  /// it.
  mutating func carryOut(
    _ actions: [TapReconciler.Action],
    _ assignment: Assignment,
    _ request: ProtectRequest?,
    _ appliance: ApplianceIdentifier?,
    _ status: ApplianceStatus?
  ) async throws(SiteError) {
    let vm = assignment.vm.identifier
    do throws(SiteError) {
      for action in actions {
        try await carryOut(action, assignment, request, appliance, status)
        reconciler.carriedOut(action)
      }
    } catch {
      await keeper.endChange(of: vm)
      throw error
    }
    await keeper.endChange(of: vm)
  }

  private mutating func carryOut(
    _ action: TapReconciler.Action,
    _ assignment: Assignment,
    _ request: ProtectRequest?,
    _ appliance: ApplianceIdentifier?,
    _ status: ApplianceStatus?
  ) async throws(SiteError) {
    guard let appliance, let status else { return try await release(action, assignment) }
    let control = try context.appliances.client(for: appliance)
    switch action {
    case .protect:
      guard let request else { return }
      // A stream that is made anew counts its losses of order from the beginning.
      if given?.request.volumes != request.volumes { rotation = ChangeMapRotation() }
      given = Given(
        incarnation: status.incarnation,
        request: request,
        reply: try await control.protect(stream, request)
      )
    case .attach(let volume): try await attach(volume, assignment)
    case .startSync:
      try await startSync(assignment, status, control)
      comparesAll = false
      // Its maps are others now.
      rotation = ChangeMapRotation()
    case .endStream:
      try await control.endStream(stream)
      given = nil
    case .detach, .forget, .closePull: try await release(action, assignment)
    }
  }

  /// Actions that need no appliance.
  func release(
    _ action: TapReconciler.Action,
    _ assignment: Assignment
  ) async throws(SiteError) {
    let vm = assignment.vm.identifier
    do {
      switch action {
      case .detach(let volume): try await context.hypervisor.detachTap(from: volume, of: vm)
      case .forget(let volume):
        try await context.hypervisor.dropChangeMaps(of: volume, of: vm, stream: stream)
      case .closePull: try await context.hypervisor.closePull(of: vm, stream: stream)
      case .protect, .attach, .startSync, .endStream: break
      }
    } catch { throw SiteError(error) }
  }

  func attach(
    _ volume: VolumeIdentifier,
    _ assignment: Assignment
  ) async throws(SiteError) {
    guard let reply = given?.reply else { return }
    do {
      try await context.hypervisor.attachTap(
        to: volume,
        of: assignment.vm.identifier,
        socketPath: reply.tapSocketPath,
        exportName: volume.rawValue,
        streams: assignment.streams
      )
    } catch { throw SiteError(error) }
  }
}
