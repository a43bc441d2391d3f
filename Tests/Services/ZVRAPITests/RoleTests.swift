// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct RoleTests {
  private static let vpg = "/v1/vpgs/\(FakeSite.vpg)"

  @Test func `each role may do what the table says and gets a 403 for the rest`() async {
    let calls: [(method: APIRequest.Method, path: String, body: String, needs: Permission)] = [
      (.get, "/v1/vpgs", "", .view),
      (.post, "\(Self.vpg)/FailoverTest", "{}", .test),
      (.post, "\(Self.vpg)/FailoverTestStop", "{}", .test),
      (.post, "\(Self.vpg)/Failover", "{}", .recover),
      (.post, "\(Self.vpg)/FailoverCommit", "{}", .recover),
      (.post, "\(Self.vpg)/pause", "{}", .protect),
      (.delete, Self.vpg, "{}", .protect),
      (.post, "/v1/vpgSettings", "{}", .protect),
      (.post, "/v1/alerts/\(FakeSite.alert)/dismiss", "", .acknowledge),
      (.post, "/v1/peersites/generatetoken", "", .administer),
      (
        .post, "/v1/tapsuspensions", #"{"VmIdentifier": "\#(FakeSite.web)", "Minutes": 5}"#,
        .administer
      ),
    ]
    for role in Role.allCases {
      for call in calls {
        let client = await APIClient.loggedOn(as: role)
        let answer = await client.send(call.method, call.path, call.body)
        let expected = role.may(call.needs) ? 200 : 403
        #expect(answer.status == expected, "\(role) \(call.method) \(call.path): \(answer)")
      }
    }
  }

  @Test func `only who may see the site may see anything, and nobody without a role may act`() {
    for route in Resources.all.flatMap({ $0.routes }) where route.method != .get {
      guard case .needs(let permission) = route.access else { continue }
      // Ending one's own session is everybody's.
      let isOwn = route.path == "/v1/session"
      #expect(Role.viewer.may(permission) == isOwn, "\(route.method) \(route.path)")
      #expect(Role.administrator.may(permission))
    }
  }

  @Test func `every role is in the table, and every permission once`() {
    #expect(Role.table.map(\.permission) == Permission.allCases)
    #expect(Role.table.reduce(into: Set<Role>()) { $0.formUnion($1.roles) }.count == 4)
  }

  @Test func `the table for operators is the one that is used`() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../docs/operating/access.md")
    let page = try String(contentsOf: path, encoding: .utf8)
    for (permission, roles) in Role.table {
      let marks = Role.allCases.map { roles.contains($0) ? "yes" : "no" }
      #expect(
        page.contains("| `\(permission.rawValue)` | \(marks.joined(separator: " | ")) |"),
        "\(permission)"
      )
    }
  }

  @Test func `resource reports are anybody's, unless they are closed`() async {
    for isClosed in [false, true] {
      let service = APIService(
        site: FakeSite(),
        authenticator: FakeAuthenticator(),
        areReportsClosed: isClosed
      )
      let needed = service.permission(
        for: Route(.get, "/ZvmService/x", "", access: .reports) { _ in .empty }
      )
      #expect(needed == (isClosed ? .view : nil))
    }
  }

  @Test func `the alerts operators are told of are those there are`() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../docs/operating/alerts.md")
    let page = try String(contentsOf: path, encoding: .utf8)
    for rule in AlertRule.table {
      let level = rule.isError ? "error" : "warning"
      let row = "| `\(rule.kind.rawValue)` | \(level) | \(rule.raised) | \(rule.over) |"
      #expect(page.contains(row), "\(row)")
      #expect(APIEnumerations.alertHelpIdentifier.names.contains(rule.kind.rawValue))
    }
  }
}
