// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation

/// Reads the protected site's appliance, whose figures are finer than the API's whole seconds.
struct StreamGauge: Sendable {
  let site: LabSite

  /// The one stream the appliance sends, now.
  func status() async throws -> StreamStatus {
    let text = try await Program.run([
      "ip", "netns", "exec", site.namespace, "curl", "--silent", "--fail", "--max-time", "5",
      "--cacert", site.authorityFile, "--cert", site.managerFolder + "/cert.pem",
      "--key", site.managerFolder + "/key.pem",
      "https://127.0.0.1:\(LabSite.controlPort)\(ApplianceRoutes.status)",
    ])
    let status = try JSONDecoder().decode(ApplianceStatus.self, from: Data(text.utf8))
    guard let stream = status.streams.first, status.streams.count == 1 else {
      throw LabError("the appliance of \(site.name) sends \(status.streams.count) streams, not 1")
    }
    return stream
  }
}
