// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Appliance
package import ArgumentParser
internal import Foundation
internal import ServiceLifecycle
internal import UnixSignals

/// `understudy appliance`.
package struct ApplianceCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "appliance",
    abstract: "Run a hypervisor host's appliance.",
    discussion: """
      Takes the writes of the host's protected VMs, sends them to the other site, and keeps \
      journals and replicas of the other site's VMs. It is two processes: a worker, and a \
      supervisor that kills and restarts a worker that falls silent, so that no guest waits for it.

      The configuration is a JSON object:
        name             the appliance's name within the site
        site             the site's GUID
        stateFolder      journals and what else outlives the process
        runFolder        unix sockets; keep the path short
        controlHost, controlPort
                         where the site's manager reaches it
        streamHost, streamPort
                         where appliances of other sites send to
        identityFolder   holds cert.pem and key.pem of this appliance
        authorityFile    the certificate of the site's authority
        bufferInMB       memory per protected VM for writes not acknowledged yet
        hypervisorUser   the user QEMU runs as, who may use the sockets; libvirt-qemu, if there \
      is one, unless another is named
      """
  )

  @Option(help: "The configuration file, JSON.")
  var config: String

  package init() {}

  package func run() async throws {
    // Read here too, so that a mistake in it is said once and not by every new worker.
    _ = try ApplianceConfiguration(contentsOfFile: config)
    let logger = UnderstudyCommand.makeLogger("appliance-supervisor")
    let supervisor = Supervisor(
      executable: try UnderstudyCommand.executablePath(),
      arguments: [ApplianceWorkerCommand.name, "--config", config],
      logger: logger
    )
    try await ServiceGroup(
      services: [SupervisorService(supervisor: supervisor)],
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: logger
    ).run()
  }
}

/// The process that holds an appliance's connections and disks; started by its supervisor.
package struct ApplianceWorkerCommand: AsyncParsableCommand {
  static let name = "appliance-worker"

  package static let configuration = CommandConfiguration(
    commandName: name,
    abstract: "The worker of `understudy appliance`.",
    shouldDisplay: false
  )

  @Option(help: "The configuration file, JSON.")
  var config: String

  package init() {}

  package func run() async throws {
    try await ApplianceWorker(
      configuration: ApplianceConfiguration(contentsOfFile: config),
      logger: UnderstudyCommand.makeLogger("appliance")
    ).run()
  }
}

/// Runs a supervisor, which blocks, on a thread of its own.
private struct SupervisorService: Service {
  let supervisor: Supervisor

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
          continuation.resume(with: Result { try supervisor.run() })
        }
      }
    } onGracefulShutdown: {
      supervisor.stop()
    }
  }
}
