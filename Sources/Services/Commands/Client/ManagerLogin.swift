// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

/// Which manager a command calls, and as whom.
struct ManagerLogin: ParsableArguments {
  /// Where a manager on this machine serves its API.
  static let localURL = "https://localhost:9669/v1"

  @Option(help: "The manager's REST API. With --user only; else “understudy login” says which.")
  var url = Self.localURL

  @Option(help: "The certificate of the site's authority, in PEM. With --user only.")
  var authority: String?

  @Option(
    help: """
      Log on as this user for this one command; the password is the first line of standard input.
      """
  )
  var user: String?

  func validate() throws {
    guard user != nil || (authority == nil && url == Self.localURL) else {
      throw ValidationError("--url and --authority are for a log-on with --user.")
    }
  }

  /// Calls the manager: logged on for this command alone, or with the kept log-in.
  func call<Answer>(_ body: (ZVMClient) async throws -> Answer) async throws -> Answer {
    if let user {
      let client = try await ZVMClient(
        url: url,
        authorityFile: authority,
        user: user,
        password: try Terminal.password()
      )
      return try await Self.use(client, body) { await client.close() }
    }
    guard let login = try SavedLogin.load() else {
      throw UsageError("Log on with “understudy login” first, or give --user.")
    }
    let client = try ZVMClient(
      url: login.url,
      authorityFile: login.authorityFile,
      session: login.session
    )
    do {
      return try await Self.use(client, body) { await client.disconnect() }
    } catch let error as ClientError where error.status == 401 {
      try SavedLogin.remove()
      throw UsageError("The session at \(login.url) has ended: log on with “understudy login”.")
    }
  }

  private static func use<Answer>(
    _ client: ZVMClient,
    _ body: (ZVMClient) async throws -> Answer,
    end: () async -> Void
  ) async throws -> Answer {
    do {
      let answer = try await body(client)
      await end()
      return answer
    } catch {
      await end()
      throw error
    }
  }
}
