// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import Glibc
internal import Manager
internal import Orchestration
internal import RecoveryModel
internal import Store

/// `understudy audit`: who did what at a site.
package struct AuditCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Show who did what from where, newest first.",
    discussion: """
      Each line has the time, the user, the role, the address, the status of the answer, what was \
      done, and why it was refused, separated by tabs. The manager may be running.
      """
  )

  @Option(help: "The manager's configuration file.")
  var config: String

  @Option(help: "How many entries at most.")
  var count = 100

  package init() {}

  package func run() async throws {
    try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
      for record in try await store.audit(from: nil, to: nil, limit: count) {
        let time = Date(timeIntervalSince1970: Double(record.occurred.milliseconds) / 1000)
        let fields = [
          time.formatted(.iso8601), record.user, record.role, record.source, "\(record.status)",
          record.action, record.reason,
        ]
        // What a caller sent may hold anything; a line stays a line.
        print(fields.map { $0.replacing(/[[:cntrl:]]/, with: " ") }.joined(separator: "\t"))
      }
    }
  }

  /// Adds what a command changed to the log, under the name of the account that ran it.
  static func note(_ action: String, in store: any Store) async throws {
    try await store.append(
      AuditRecord(
        identifier: UUID().uuidString.lowercased(),
        occurred: .now,
        user: getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(getuid())",
        role: "",
        source: "",
        action: action,
        status: 200,
        reason: ""
      )
    )
  }
}
