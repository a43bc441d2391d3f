// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

/// A REST call as it goes over the wire, for what a well-behaved client would never send.
struct RawCall: Sendable, CustomTestStringConvertible {
  let method: String
  let path: String
  var body: String?
  /// Replaces the session of the site the call is made at; empty for none.
  var session: String?
  /// `name:password`.
  var credentials: String?
  let status: Int

  init(
    _ method: String,
    _ path: String,
    _ body: String? = nil,
    session: String? = nil,
    credentials: String? = nil,
    gives status: Int
  ) {
    self.method = method
    self.path = path
    self.body = body
    self.session = session
    self.credentials = credentials
    self.status = status
  }

  var testDescription: String { "\(method) \(path) \(body ?? "")" }

  /// Makes the call.
  ///
  /// - Returns: The HTTP status and the body.
  func send(to site: LabSite, session own: String) async throws -> (status: Int, body: String) {
    var arguments = [
      "curl", "--silent", "--noproxy", "*", "--cacert", site.authorityFile, "--request", method,
      "--header", "Content-Type: application/json", "--write-out", "\n%{http_code}",
    ]
    let token = session ?? own
    if !token.isEmpty { arguments += ["--header", "x-zerto-session: \(token)"] }
    if let credentials { arguments += ["--user", credentials] }
    if let body { arguments += ["--data-binary", body] }
    let output = try await Program.run(arguments + [site.url + path])
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
    return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
  }

  /// Logs on at a site and gives the session's token.
  static func logOn(to site: LabSite) async throws -> String {
    let output = try await Program.run([
      "curl", "--silent", "--fail", "--noproxy", "*", "--cacert", site.authorityFile,
      "--request", "POST", "--user", "\(site.user):\(site.password)", "--output", "/dev/null",
      "--write-out", "%header{x-zerto-session}", site.url + "/session/add",
    ])
    return output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Checks that the call is refused in the API's form.
  func checkRefused(by site: LabSite, session: String) async throws {
    let answer = try await send(to: site, session: session)
    #expect(answer.status == status, "\(testDescription) at \(site.name): \(answer.body)")
    let error = try? JSONDecoder().decode(JSON.self, from: Data(answer.body.utf8))
    #expect(error?["Message"].text?.isEmpty == false, "\(testDescription): \(answer.body)")
    #expect(error?["errorMessage"] == error?["Message"], "\(testDescription)")
    #expect(error?["errorCode"].int == status, "\(testDescription)")
  }
}
