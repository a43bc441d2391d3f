// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import Hypervisor
package import Store

// The one place where other parts' errors become words for the person who asked.

extension SiteError {
  package init(_ error: StoreError) {
    switch error {
    case .unavailable(let reason): self = .failed("The manager's database failed: \(reason)")
    case .corrupt(let reason): self = .failed("The manager's database is damaged: \(reason)")
    }
  }

  package init(_ error: HypervisorError) {
    switch error {
    case .unreachable(let reason): self = .unreachable("The hypervisor does not answer: \(reason)")
    case .noSuchVM(let vm): self = .notFound("The hypervisor has no VM \(vm).")
    case .noSuchVolume(let volume, let vm): self = .notFound("VM \(vm) has no disk \(volume).")
    case .noSuchNetwork(let network):
      self = .notFound("The hypervisor has no network \(network).")
    case .notRunning(let vm): self = .conflict("VM \(vm) is not running.")
    case .diskBusy(let volume, let vm, let reason):
      self = .conflict("Disk \(volume) of VM \(vm) is busy: \(reason)")
    case .noGuestAgent(let vm): self = .conflict("No guest agent answers in VM \(vm).")
    case .frozenByOthers(let vm):
      self = .conflict("The file systems of VM \(vm) are frozen by somebody else.")
    case .nameTaken(let name): self = .conflict("The hypervisor has another VM named \(name).")
    case .failed(let operation, let reason):
      self = .failed("The hypervisor failed to \(operation): \(reason)")
    }
  }

  /// What a control port answered.
  package init(_ failure: ControlFailure) {
    switch failure.status {
    case 400 where failure.problems?.isEmpty == false: self = .rejected(failure.problems ?? [])
    case 400: self = .invalid(failure.message)
    case 404: self = .notFound(failure.message)
    case 409: self = .conflict(failure.message)
    case 503: self = .unreachable(failure.message)
    default: self = .failed(failure.message)
    }
  }

  /// What this site's own control port answers.
  package var controlFailure: ControlFailure {
    let status =
      switch self {
      case .invalid, .rejected: 400
      case .notFound: 404
      case .conflict: 409
      case .unreachable: 503
      case .failed: 500
      }
    guard case .rejected(let problems) = self else {
      return ControlFailure(status: status, message: message)
    }
    return ControlFailure(status: status, message: message, problems: problems)
  }
}

extension SiteError {
  package init(_ error: ControlError) {
    switch error {
    case .unreachable(let reason): self = .unreachable(reason)
    case .refused(let failure): self.init(failure)
    case .malformed(let reason): self = .failed(reason)
    }
  }

  /// Throws what a control port said unless it is that the thing to be ended is not there.
  static func unlessGone(_ error: ControlError) throws(SiteError) {
    if case .refused(let failure) = error, failure.status == 404 { return }
    throw SiteError(error)
  }
}
