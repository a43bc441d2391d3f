// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import ControlProtocol
internal import Foundation
internal import Identity
package import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// The process of an appliance that holds its connections and disks, under a ``Supervisor``.
package struct ApplianceWorker {
  private let configuration: ApplianceConfiguration
  private let logger: Logger

  package init(configuration: ApplianceConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// Serves until it is told to end (SIGTERM), then lets go of everything in order.
  ///
  /// Standard output is the supervisor's pipe: nothing else may be written to it.
  package func run() async throws {
    // Received batches are large and live long. Left alone, the allocator keeps them once they are
    // freed, in a heap for every few threads, where small pieces between them hold them fast.
    understudy_return_freed_memory(256 << 10, 2)
    let parts = try ApplianceParts(configuration: configuration, logger: logger)
    Heartbeat.start(on: FileHandle.standardOutput.fileDescriptor) { parts.probe() }
    do {
      try await parts.start()
      try await serve(parts)
    } catch {
      await parts.stop()
      throw error
    }
    await parts.stop()
  }

  private func serve(_ parts: ApplianceParts) async throws {
    let control = try ControlServer(
      host: configuration.controlHost,
      port: configuration.controlPort,
      identity: parts.identity,
      trust: parts.controlTrust,
      clientCertificate: .required,
      logger: logger
    ) { ApplianceAnswers(parts: parts).add(to: $0) }
    logger.info(
      "The appliance serves.",
      metadata: [
        "control": "\(configuration.controlHost):\(configuration.controlPort)",
        "streams": "\(configuration.streamHost):\(configuration.streamPort)",
      ]
    )
    try await ServiceGroup(
      services: [parts.files, control],
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: logger
    ).run()
  }
}
