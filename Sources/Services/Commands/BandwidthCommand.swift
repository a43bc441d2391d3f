// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Manager
internal import RecoveryModel
internal import Store

/// `understudy bandwidth`.
package struct BandwidthCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "bandwidth",
    abstract: "Limit what a site's replication takes of its line, by time of day.",
    subcommands: [Show.self, Set.self]
  )

  package init() {}

  /// `understudy bandwidth show`.
  package struct Show: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Show the limits, in MiB per second, and the compression."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    package init() {}

    package func run() async throws {
      let store = try ManagerStore.open(
        ManagerConfiguration(contentsOfFile: config),
        by: Composition.required
      )
      let settings = try await store.replicationSettings() ?? ReplicationSettings()
      print("limit: \(BandwidthSchedule.text(of: settings.bandwidth.limit))")
      for period in settings.bandwidth.periods { print("period: \(period)") }
      print("compression: \(settings.compression)")
    }
  }

  /// `understudy bandwidth set`.
  package struct Set: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Set the limits; what is not given stays as it is.",
      discussion: """
        The manager divides the limit between the site's appliances within seconds; VPGs share it \
        by priority. A limit never slows a guest: writes that do not get through in time are made \
        up for by a sync. The manager may be running.
        """
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    @Option(help: "MiB per second outside all periods, or “unlimited”.")
    var limit: String?

    @Option(
      name: .customLong("period"),
      parsing: .singleValue,
      help: """
        Days, hours by the hosts' clocks, and MiB per second or “unlimited”, such as \
        “mon-fri 08:00-18:00 2.5”; may be given again, the first one that holds counts.
        """
    )
    var periods: [String] = []

    @Flag(help: "Forget the periods there are.")
    var noPeriods = false

    @Option(help: "What compressing VPGs compress with: lz4, or zstd for slow lines.")
    var compression: String?

    package init() {}

    package func run() async throws {
      let store = try ManagerStore.open(
        ManagerConfiguration(contentsOfFile: config),
        by: Composition.required
      )
      var settings = try await store.replicationSettings() ?? ReplicationSettings()
      if let text = limit {
        guard let limit = BandwidthSchedule.limit(text: text) else {
          throw ValidationError("“\(text)” is neither a number above 0 nor “unlimited”.")
        }
        settings.bandwidth.limit = limit
      }
      if noPeriods { settings.bandwidth.periods = [] }
      if !periods.isEmpty {
        settings.bandwidth.periods = try periods.map { text in
          guard let period = BandwidthSchedule.Period(text: text) else {
            throw ValidationError("“\(text)” is no period; “mon-fri 08:00-18:00 2.5” is one.")
          }
          return period
        }
      }
      switch compression {
      case nil: break
      case "lz4": settings.compression = .lz4
      case "zstd": settings.compression = .zstd
      case .some(let other): throw ValidationError("“\(other)” is neither lz4 nor zstd.")
      }
      try await store.save(settings)
    }
  }
}
