// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import Foundation
package import Hypervisor
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
package import RecoveryModel

/// Looks whether recovered VMs are well.
package protocol PointChecking: Sendable {
  /// One look, which takes a few seconds at most.
  func look(
    at vms: [VMIdentifier],
    for check: PointCheck,
    by hypervisor: any Hypervisor
  ) async -> CheckFinding
}

/// What one look found.
package struct CheckFinding: Sendable, Equatable {
  package var hasPassed: Bool
  package var words: String

  package init(hasPassed: Bool, words: String) {
    self.hasPassed = hasPassed
    self.words = words
  }
}

/// The checks there are: guest agents that are connected, and a page that is answered.
///
/// A page's certificate is not looked at, nor its content: it is asked whether the guest serves.
package struct GuestChecks: PointChecking {
  private static let answerLimit = TimeAmount.seconds(5)

  package init() {}

  package func look(
    at vms: [VMIdentifier],
    for check: PointCheck,
    by hypervisor: any Hypervisor
  ) async -> CheckFinding {
    var found: [String] = []
    if check.needsGuestAgent {
      for vm in vms {
        let isThere = (try? await hypervisor.isGuestAgentConnected(in: vm)) ?? false
        guard isThere else {
          return CheckFinding(hasPassed: false, words: "The guest agent of \(vm) is not there.")
        }
      }
      found.append("The guest agents are there.")
    }
    if let url = check.url {
      let (hasPassed, words) = await Self.ask(url)
      guard hasPassed else { return CheckFinding(hasPassed: false, words: words) }
      found.append(words)
    }
    return CheckFinding(hasPassed: true, words: found.joined(separator: " "))
  }

  private static func ask(_ url: String) async -> (Bool, String) {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.tlsConfiguration = .makeClientConfiguration()
    configuration.tlsConfiguration?.certificateVerification = .none
    configuration.timeout = .init(connect: answerLimit, read: answerLimit)
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let result: (Bool, String)
    do {
      let answer = try await client.execute(HTTPClientRequest(url: url), timeout: answerLimit)
      result = (answer.status.code < 400, "\(url) answered \(answer.status.code).")
    } catch { result = (false, "\(url) did not answer: \(error)") }
    try? await client.shutdown()
    return result
  }

  /// What is wrong with an address; nil if nothing is.
  package static func fault(of url: String) -> String? {
    guard url.utf8.count <= 2048, let parts = URLComponents(string: url),
      ["http", "https"].contains(parts.scheme ?? ""), parts.host?.isEmpty == false
    else { return "“\(url.prefix(100))” is no address of a page (http:// or https://)." }
    return nil
  }
}
