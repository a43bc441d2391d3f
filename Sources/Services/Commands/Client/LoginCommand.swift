// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import RESTClient

/// `understudy login`.
package struct LoginCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "login",
    abstract: "Log on at a manager; the commands that call its API use that log-on.",
    discussion: """
      The password is asked for, or is the first line of standard input; it is not kept. What is \
      kept is the session, in a file that is yours alone. A session ends after 30 minutes without \
      a call, or with “understudy logout”.
      """
  )

  @Argument(help: "The manager's REST API.")
  var url = ManagerLogin.localURL

  @Option(help: "The user to log on as.")
  var user: String

  @Option(
    help: """
      The certificate of the site's authority, in PEM, as https://HOST:9669/ca.pem has it; without \
      one the authorities that this machine trusts count.
      """
  )
  var authority: String?

  package init() {}

  package func run() async throws {
    let authorityFile = authority.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
    let client = try await ZVMClient(
      url: url,
      authorityFile: authorityFile,
      user: user,
      password: try Terminal.password()
    )
    let site: JSON
    do {
      site = try await client.get("/localsite")
      try SavedLogin(
        url: url,
        authorityFile: authorityFile,
        user: user,
        session: client.session
      ).save()
    } catch {
      await client.close()
      throw error
    }
    await client.disconnect()
    print("\(user) is logged on at the site “\(site["SiteName"].text ?? url)”.")
  }
}

/// `understudy logout`.
package struct LogoutCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "logout",
    abstract: "End the session that “understudy login” began."
  )

  package init() {}

  package func run() async throws {
    guard let login = try SavedLogin.load() else { return }
    // Forgotten first: a manager that does not answer cannot keep the log-on alive here.
    try SavedLogin.remove()
    let client = try ZVMClient(
      url: login.url,
      authorityFile: login.authorityFile,
      session: login.session
    )
    await client.close()
  }
}
