// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import ControlProtocol
internal import Foundation
internal import Identity
internal import Manager
internal import Orchestration
internal import RecoveryModel
internal import Store

/// `understudy point`.
package struct PointCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "point",
    abstract: "Read a VM's disks as they were at any write.",
    discussion: """
      Run it at the recovery site; “diff” asks its manager, the others read the manager's own \
      configuration. An open point keeps the journal's history from passing it, so \
      close it when you are done.
      """,
    subcommands: [Open.self, List.self, Close.self, Diff.self]
  )

  package init() {}

  /// `understudy point open`.
  package struct Open: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Open a point, and print its disks' NBD addresses."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    @Option(help: "The VM's name or identifier.")
    var vm: String

    @Option(help: "The last write not after this time, such as 2026-11-23T10:04:31.250Z.")
    var time: String?

    @Option(help: "The write of this number in the VM's stream.")
    var sequence: UInt64?

    @Option(help: "The checkpoint of this number.")
    var checkpoint: UInt64?

    package init() {}

    package func run() async throws {
      let point = try await PointCommand.points(config).open(vm: vm, point: try wish())
      PointCommand.show(point)
    }

    private func wish() throws -> ExportPoint {
      switch (time, sequence, checkpoint) {
      case (let text?, nil, nil): .time(try PointCommand.time(text))
      case (nil, let number?, nil): .sequence(SequenceNumber(number))
      case (nil, nil, let number?): .checkpoint(CheckpointIdentifier(number))
      default:
        throw ValidationError("Give one of --time, --sequence and --checkpoint.")
      }
    }
  }

  /// `understudy point list`.
  package struct List: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "List the open points.")

    @Option(help: "The manager's configuration file.")
    var config: String

    package init() {}

    package func run() async throws {
      for point in try await PointCommand.points(config).list() { PointCommand.show(point) }
    }
  }

  /// `understudy point close`.
  package struct Close: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Close a point.")

    @Option(help: "The manager's configuration file.")
    var config: String

    @Argument(help: "The point, as “list” shows it.")
    var point: String

    package init() {}

    package func run() async throws {
      try await PointCommand.points(config).close(ExportIdentifier(point))
    }
  }

  // MARK: Parts

  /// The points of the site whose manager has this configuration, reached as the manager would.
  static func points(_ path: String) async throws -> PointsInTime {
    let configuration = try ManagerConfiguration(contentsOfFile: path)
    let store = try ManagerStore.open(configuration, by: Composition.required)
    let authority = try SiteAuthority.loadOrCreate(
      in: configuration.authorityFolder,
      site: configuration.siteIdentifier,
      name: configuration.siteName
    )
    let trust = TrustStore()
    try trust.set([configuration.siteIdentifier: authority.certificatePEM])
    let connections = TLSConnections(
      site: configuration.siteIdentifier,
      identity: try TLSIdentity(loading: configuration.identityFolder),
      trust: trust
    )
    let settings = try configuration.siteSettings(version: ManagerService.version)
    return PointsInTime(
      site: configuration.siteIdentifier,
      definitions: try await store.vpgs().map(\.definition),
      appliances: settings.appliances.map { connections.appliance($0) }
    )
  }

  /// ISO 8601, with or without fractions of a second.
  static func time(_ text: String) throws -> WallTime {
    let style = Date.ISO8601FormatStyle()
    guard
      let date = (try? style.parse(text))
        ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
    else { throw ValidationError("“\(text)” is not a time such as 2026-11-23T10:04:31.250Z.") }
    return WallTime(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()))
  }

  static func show(_ point: PointsInTime.Open) {
    let reply = point.export.reply
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let time = reply.time.map {
      Date(timeIntervalSince1970: Double($0.milliseconds) / 1000).formatted(style)
    }
    print("point: \(point.export.identifier)")
    print("  vm: \(point.vm)")
    print("  write: \(reply.sequence.rawValue), made \(time ?? "before the journal's history")")
    if !point.export.isServed { print("  not served: see the appliance's log") }
    for volume in reply.volumes {
      let name = volume.identifier.rawValue
        .addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)
      print("  \(volume.target): nbd+unix:///\(name ?? "")?socket=\(reply.socketPath)")
    }
  }
}
