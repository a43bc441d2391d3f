// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Hypervisor
package import RecoveryModel
internal import Synchronization

extension LibvirtHypervisor {
  /// How long a guest may take to thaw; it has nothing to write for that.
  private static let thawInSeconds = 10

  /// How long after its time a guest is thawed by somebody else.
  private static let guardSlackInSeconds = 2

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

  package func guestSystem(in vm: VMIdentifier) async throws(HypervisorError) -> GuestSystem {
    struct System: Decodable { let id: String? }
    struct Card: Decodable {
      let name: String
      let address: String?
      private enum CodingKeys: String, CodingKey {
        case name
        case address = "hardware-address"
      }
    }
    return try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
      let agent = try domain.agent(of: vm)
      let seconds = Self.answerInSeconds
      let system = try agent.ask("guest-get-osinfo", seconds: seconds, answer: System.self)
      let cards =
        try agent.ask("guest-network-get-interfaces", seconds: seconds, answer: [Card].self)
      return GuestSystem(
        isWindows: system.id == "mswindows",
        cards: Dictionary(
          cards.compactMap { card in card.address.map { ($0.lowercased(), card.name) } }
        ) { first, _ in first }
      )
    }
  }

  package func run(
    _ program: GuestProgram,
    in vm: VMIdentifier,
    timeoutInSeconds: Int
  ) async throws(HypervisorError) -> GuestProgram.End {
    struct Started: Decodable { let pid: Int }
    struct Status: Decodable {
      let exited: Bool
      let exitcode: Int?
      let signal: Int?
      let output: String?
      let errors: String?
      private enum CodingKeys: String, CodingKey {
        case exited, exitcode, signal
        case output = "out-data"
        case errors = "err-data"
      }
      var text: String {
        [output, errors].compactMap { $0.flatMap { Data(base64Encoded: $0) } }
          .map { String(decoding: $0, as: UTF8.self) }.joined()
      }
    }
    let input = Data(program.input.utf8).base64EncodedString()
    let seconds = Self.answerInSeconds
    let pid = try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
      try domain.agent(of: vm).ask(
        "guest-exec",
        [
          "path": program.path, "arg": program.arguments, "input-data": input,
          "capture-output": true,
        ],
        seconds: seconds,
        answer: Started.self
      ).pid
    }
    let deadline = ContinuousClock.now + .seconds(timeoutInSeconds)
    while true {
      let status = try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
        try domain.agent(of: vm)
          .ask("guest-exec-status", ["pid": pid], seconds: seconds, answer: Status.self)
      }
      if status.exited {
        return GuestProgram.End(
          exitCode: status.exitcode ?? 128 + (status.signal ?? 0),
          output: status.text
        )
      }
      guard ContinuousClock.now < deadline else {
        throw .failed(
          operation: "run \(program.path) in the guest",
          reason: "it has not ended within \(timeoutInSeconds) seconds"
        )
      }
      do { try await Task.sleep(for: .milliseconds(200)) } catch {
        throw .failed(operation: "run \(program.path) in the guest", reason: "nobody waits for it")
      }
    }
  }

  package func freezeFileSystems(
    of vm: VMIdentifier,
    timeoutInSeconds seconds: Int
  ) async throws(HypervisorError) {
    try await run(on: .patient, with: vm) { [self] domain throws(HypervisorError) in
      let agent = try domain.agent(of: vm)
      let status: String
      do throws(HypervisorError) {
        status = try agent.ask("guest-fsfreeze-status", seconds: seconds, answer: String.self)
      } catch {
        throw .noGuestAgent(vm)
      }
      guard status == "thawed" else { throw .frozenByOthers(vm) }
      let guardian = try ThawGuard(
        uri: uri,
        account: account.withLock(\.self),
        uuid: try domain.uuid,
        seconds: seconds + Self.guardSlackInSeconds
      )
      thawGuards.withLock { $0.updateValue(guardian, forKey: vm) }?.end()
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
      // There is no guest that could be frozen.
    }
    thawGuards.withLock { $0.removeValue(forKey: vm) }?.end()
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
