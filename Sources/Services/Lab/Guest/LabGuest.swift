// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A running guest of the lab, seen from its site: by HTTP over the site's network, and through
/// the guest agent.
package struct LabGuest: Sendable {
  package let name: String
  let libvirt: SiteLibvirt

  /// A page of the guest's web server, or nil if it does not answer.
  package func page(_ page: String, seconds: Double = 5) async throws -> String? {
    guard let address = try await address() else { return nil }
    let outcome = try await Program.attempt(
      [
        "ip", "netns", "exec", libvirt.site.namespace, "curl", "--silent", "--fail",
        "--noproxy", "*", "--max-time", "\(seconds)", "http://\(address)/\(page)",
      ],
      seconds: seconds + 5
    )
    return outcome.succeeded ? outcome.output : nil
  }

  /// The address the site's DHCP server gave the guest.
  package func address() async throws -> String? {
    let interfaces = try await libvirt.virsh(["domiflist", name])
    for interface in interfaces.split(separator: "\n") {
      // Interface, type, network, model, MAC address.
      let words = interface.split(whereSeparator: \.isWhitespace).map(String.init)
      guard words.count >= 5 else { continue }
      let leases = try await libvirt.virsh(["net-dhcp-leases", words[2], "--mac", words[4]])
      for word in leases.split(whereSeparator: \.isWhitespace) where word.hasSuffix("/24") {
        return String(word.dropLast(3))
      }
    }
    return nil
  }

  /// Waits until the guest's web server answers.
  ///
  /// - Returns: False if it does not within `seconds`.
  package func waitUntilServing(seconds: Double) async throws -> Bool {
    try await Waiting.until(seconds: seconds, every: .milliseconds(200)) {
      try await page("last", seconds: 2) != nil
    }
  }

  /// Runs a program inside the guest, through its agent, and waits for its end.
  ///
  /// - Throws: ``LabError`` if it fails or takes longer than `seconds`.
  package func run(
    _ path: String,
    _ arguments: [String] = [],
    seconds: Double = 60
  ) async throws {
    let started = try await agent([
      "execute": "guest-exec",
      "arguments": ["path": path, "arg": arguments, "capture-output": true],
    ])
    guard let pid = started["pid"] as? Int else {
      throw LabError("the agent of \(name) answered without a process: \(started)")
    }
    var status: [String: Any] = [:]
    let ended = try await Waiting.until(seconds: seconds) {
      status = try await agent(["execute": "guest-exec-status", "arguments": ["pid": pid]])
      return status["exited"] as? Bool ?? false
    }
    guard ended else { throw LabError("\(path) in \(name) did not end within \(Int(seconds)) s") }
    guard status["exitcode"] as? Int == 0 else {
      throw LabError("\(path) in \(name) failed: \(status)")
    }
  }

  private func agent(_ command: [String: Any]) async throws -> [String: Any] {
    let text = String(
      decoding: try JSONSerialization.data(withJSONObject: command),
      as: UTF8.self
    )
    let answer = try await libvirt.virsh(["qemu-agent-command", name, text], seconds: 20)
    let object = try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any]
    guard let result = object?["return"] as? [String: Any] else {
      throw LabError("the agent of \(name) answered “\(answer)”")
    }
    return result
  }
}

extension Lab {
  /// A VM of one of the lab's sites.
  package func guest(_ name: String, at site: LabSite) -> LabGuest {
    LabGuest(name: name, libvirt: SiteLibvirt(site: site, allowsKVM: false))
  }
  /// The VMs a site's libvirt knows, running or not.
  package func vmNames(at site: LabSite) async throws -> [String] {
    try await SiteLibvirt(site: site, allowsKVM: false).names(["list", "--all", "--name"]).sorted()
  }

  /// The VMs that run at a site; one that is defined and not resumed yet does not.
  package func runningVMNames(at site: LabSite) async throws -> [String] {
    try await SiteLibvirt(site: site, allowsKVM: false)
      .names(["list", "--state-running", "--name"])
  }
}
