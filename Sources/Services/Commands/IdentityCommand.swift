// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import Identity
internal import Manager

/// `understudy identity`.
package struct IdentityCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "identity",
    abstract: "Issue an appliance's certificate.",
    discussion: """
      Run it where the manager is; the site's authority is made if there is none yet. Take the \
      folder to the appliance's host, keep key.pem secret, and name the folder in the appliance's \
      configuration. A certificate is good for two years; issue it again before that.
      """
  )

  @Option(help: "The manager's configuration file.")
  var config: String

  @Option(help: "The appliance's name within the site.")
  var name: String

  @Option(help: "A name or address under which it is reached; may be given several times.")
  var host: [String] = []

  @Option(help: "The folder that gets cert.pem, key.pem and authority.pem.")
  var into: String

  package init() {}

  package func run() async throws {
    let manager = try ManagerConfiguration(contentsOfFile: config)
    let authority = try SiteAuthority.loadOrCreate(
      in: manager.authorityFolder,
      site: manager.siteIdentifier,
      name: manager.siteName
    )
    let identity = try authority.issue(role: .appliance, name: name, hosts: host)
    try identity.save(in: into)
    try authority.certificatePEM.write(
      toFile: into + "/authority.pem",
      atomically: true,
      encoding: .utf8
    )
    print("issued the certificate of the appliance \(name) into \(into)")
  }
}
