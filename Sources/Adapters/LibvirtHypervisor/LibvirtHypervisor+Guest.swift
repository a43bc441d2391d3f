// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

extension LibvirtHypervisor {
  /// How long a guest may take to thaw; it has nothing to write for that.
  private static let thawInSeconds = 10

  /// How long an agent may take to answer what takes it no time.
  private static let answerInSeconds = 5

  package func isAgentAnswering(in vm: VMIdentifier) async throws(HypervisorError) -> Bool {
    do {
      return try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
        struct Nothing: Decodable {}
        _ = try domain.agent(of: vm)
          .ask("guest-ping", seconds: Self.answerInSeconds, answer: Nothing.self)
        return true
      }
    } catch .noGuestAgent, .notRunning, .failed {
      return false
    }
  }

  package func freezeFileSystems(
    of vm: VMIdentifier,
    timeoutInSeconds seconds: Int
  ) async throws(HypervisorError) {
    try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
      let agent = try domain.agent(of: vm)
      let status: String
      do throws(HypervisorError) {
        status = try agent.ask("guest-fsfreeze-status", seconds: seconds, answer: String.self)
      } catch {
        throw .noGuestAgent(vm)
      }
      guard status == "thawed" else { throw .frozenByOthers(vm) }
      let count = try agent.ask("guest-fsfreeze-freeze", seconds: seconds, answer: Int.self)
      guard count > 0 else {
        throw .failed(
          operation: "freeze the file systems",
          reason: "the guest has none that can be frozen"
        )
      }
    }
  }

  package func thawFileSystems(of vm: VMIdentifier) async throws(HypervisorError) {
    do {
      try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
        _ = try domain.agent(of: vm)
          .ask("guest-fsfreeze-thaw", seconds: Self.thawInSeconds, answer: Int.self)
      }
    } catch .noSuchVM, .notRunning {
      return
    }
  }
}

extension LibvirtDomain {
  /// The agent of a running guest, if one has opened its channel.
  func agent(of vm: VMIdentifier) throws(HypervisorError) -> GuestAgent {
    guard try isActive else { throw .notRunning(vm) }
    guard try description().isAgentConnected else { throw .noGuestAgent(vm) }
    return GuestAgent(domain: self)
  }
}
