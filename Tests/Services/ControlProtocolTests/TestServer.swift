// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Identity
import Logging

/// Runs a control port on the loopback while `body` runs, and gives it the port.
func withControlServer(
  of site: TestSite,
  as role: PeerRole = .appliance,
  port: Int = 0,
  trust: TrustStore,
  clientCertificate: ClientCertificate = .required,
  routes: (ControlRoutes) -> Void,
  _ body: (Int) async throws -> Void
) async throws {
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  let (ports, announcement) = AsyncStream.makeStream(of: Int.self)
  let server = try ControlServer(
    host: "127.0.0.1",
    port: port,
    identity: try site.identity(role),
    trust: trust,
    clientCertificate: clientCertificate,
    logger: logger,
    onListening: { announcement.yield($0) },
    routes: routes
  )
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      defer { announcement.finish() }
      try await server.run()
    }
    // The stream ends without a port if the server cannot start; then waiting for it throws.
    if let port = await ports.first(where: { _ in true }) {
      try await body(port)
      group.cancelAll()
    }
    try await group.waitForAll()
  }
}
