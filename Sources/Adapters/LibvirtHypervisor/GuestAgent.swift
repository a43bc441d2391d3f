// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Foundation
internal import Hypervisor

/// Commands to the agent inside a running guest, through libvirt.
///
/// Each command has a time limit of its own. The calls libvirt has for freezing take theirs from a
/// setting of the whole domain, which other tools rely on.
struct GuestAgent {
  let domain: LibvirtDomain

  /// Runs a command and decodes its answer.
  ///
  /// Throws if the agent refuses, or has not answered within `seconds`; then nobody knows whether
  /// it has carried the command out.
  func ask<Answer: Decodable>(
    _ command: String,
    _ arguments: [String: Any] = [:],
    seconds: Int,
    answer: Answer.Type
  ) throws(HypervisorError) -> Answer {
    let request: [String: Any] =
      arguments.isEmpty
      ? ["execute": command] : ["execute": command, "arguments": arguments]
    guard let bytes = try? JSONSerialization.data(withJSONObject: request) else {
      preconditionFailure("the arguments of \(command) are not JSON")
    }
    let reply = try text(
      virDomainQemuAgentCommand(
        domain.pointer,
        String(decoding: bytes, as: UTF8.self),
        CInt(clamping: seconds),
        0
      ),
      command
    )
    guard let parsed = try? JSONDecoder().decode(Reply<Answer>.self, from: Data(reply.utf8)) else {
      throw .failed(operation: command, reason: "the agent's answer is not understood: \(reply)")
    }
    return parsed.answer
  }

  private struct Reply<Answer: Decodable>: Decodable {
    let answer: Answer
    private enum CodingKeys: String, CodingKey { case answer = "return" }
  }
}
