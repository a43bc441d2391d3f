// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import RecoveryModel
import Testing

@testable import Lab

// How tests set the VPG otherwise, and see what became of an operation.
extension WithstandBench {
  /// Changes a part of the VPG's settings, such as `scripting`.
  func change(_ part: String, _ body: (inout JSON) -> Void) async throws {
    try await ask(london) { client in
      let begun = try await client.post("/vpgSettings", ["VpgIdentifier": .text(vpg)])
      let settings = "/vpgSettings/\(try #require(begun.text))"
      var tree = try await client.get("\(settings)/\(part)")
      body(&tree)
      try await client.put("\(settings)/\(part)", tree)
      try await client.perform("\(settings)/commit", seconds: 60)
    }
  }

  /// Adds a VM to the VPG, and returns once the change has ended; its first sync has not.
  ///
  /// - Returns: The VM's identifier.
  @discardableResult
  func addVM(_ name: String) async throws -> String {
    try await changeVMs { client, settings in
      let vm = try await SiteInventory(client: client, site: london.identifier.rawValue).vm(name)
      try await client.post("\(settings)/vms", ["VmIdentifier": vm])
      return try #require(vm.text)
    }
  }

  /// Takes a VM out of the VPG.
  func removeVM(_ identifier: String) async throws {
    try await changeVMs { client, settings in
      _ = try await client.delete("\(settings)/vms/\(identifier)")
    }
  }

  private func changeVMs<Answer>(
    _ body: (ZVMClient, String) async throws -> Answer
  ) async throws -> Answer {
    try await ask(london) { client in
      let begun = try await client.post("/vpgSettings", ["VpgIdentifier": .text(vpg)])
      let settings = "/vpgSettings/\(try #require(begun.text))"
      let answer = try await body(client, settings)
      try await client.perform("\(settings)/commit", seconds: 120)
      return answer
    }
  }

  /// Carries out an operation at paris and waits for its end, however it ends.
  ///
  /// - Returns: Whether it succeeded, and what its task says.
  func outcome(
    of operation: String,
    _ body: JSON = [:],
    meanwhile: (ZVMClient, String) async throws -> Void = { _, _ in }
  ) async throws -> (succeeded: Bool, words: String) {
    try await ask(paris) { client in
      let task = try await client.begin("/vpgs/\(vpg)/\(operation)", body)
      try await meanwhile(client, task)
      var answer: JSON = .null
      let hasEnded = try await Waiting.until(seconds: 180, every: .milliseconds(250)) {
        answer = try await client.get("/tasks/\(task)")
        return ![1, 2, 3, 7].contains(answer["Status"]["State"].int ?? 0)
      }
      #expect(hasEnded, "\(operation) does not end: \(answer)")
      return (answer["Status"]["State"].int == 6, answer["CompleteReason"].text ?? "")
    }
  }

  /// Checks that the VM runs where it was, whole and protected, and that paris has nothing of it.
  func checkUndone() async throws {
    #expect(try await placesOfVM() == ["london"])
    #expect(try await leftovers().isEmpty)
    #expect(try await source.waitUntilServing(seconds: 120))
    try await checkSequence(of: source)
    try await waitUntilProtected(seconds: 120)
  }
}
