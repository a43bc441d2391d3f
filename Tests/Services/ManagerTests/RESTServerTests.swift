// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Manager
import NIOCore
import NIOPosix
import Testing

@Suite struct RESTServerTests {
  @Test func `the list of resources has links at the address the client used`() async throws {
    try await RunningManager.run { manager in
      let answer = try await manager.send("GET", "/v1/")
      #expect(answer.status == 200)
      #expect(answer.text.contains(#""href":"\#(manager.url)/v1/vpgs""#))
      let help = try await manager.send("GET", "/v1/vpgs/help")
      #expect(help.header("content-type") == ["text/html; charset=utf-8"])
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `a manager that is stopped while clients come takes nothing else with it`() async throws {
    for _ in 0..<5 {
      var clients: [EventLoopFuture<any Channel>] = []
      try await RunningManager.run { manager in
        let port = try #require(URL(string: manager.url)?.port)
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        // It is told to stop while it takes them.
        clients = (0..<500).map { _ in bootstrap.connect(host: "127.0.0.1", port: port) }
      }
      for client in clients { try? await client.get().close() }
    }
  }

  @Test func `the same is served at further ports`() async throws {
    try await RunningManager.run { manager in
      let port = try #require(manager.configuration.furtherListenPorts?.first)
      let url = "https://\(manager.configuration.listenHost):\(port)"
      let further = RunningManager(
        configuration: manager.configuration,
        url: url,
        client: manager.client
      )
      let answer = try await further.send("GET", "/v1/")
      #expect(answer.status == 200 && answer.text.contains(#""href":"\#(url)/v1/vpgs""#))
    }
  }

  @Test func `odd calls are answered in the API's form`() async throws {
    try await RunningManager.run { manager in
      let session = try await manager.logOn()
      let calls: [(method: String, path: String, body: String?, status: Int)] = [
        ("GET", "//v1/vpgs", nil, 200), ("GET", "/v1//localsite/pairingstatuses", nil, 200),
        ("GET", "/v1/VPGs/", nil, 200), ("GET", "/v1/vpgs?name=a%20b+c&x", nil, 200),
        ("GET", "/v1/nothing", nil, 404), ("PATCH", "/v1/vpgs", nil, 405),
        ("PUT", "/v1/vpgs", nil, 405), ("GET", "/v1/vpgs/unknown", nil, 404),
        ("POST", "/v1/vpgSettings", "{\"Basic\": ", 400),
        ("POST", "/v1/vpgSettings", String(repeating: " ", count: (4 << 20) + 1), 400),
        ("POST", "/v1/vpgs/unknown/Failover", "{}", 404),
      ]
      for call in calls {
        let answer = try await manager.send(
          call.method,
          call.path,
          body: call.body,
          session: session
        )
        #expect(answer.status == call.status, "\(call.method) \(call.path): \(answer.text)")
        if call.status != 200 { #expect(answer.member("Message")?.isEmpty == false) }
      }
    }
  }

  @Test func `a content type on a call without a body does no harm`() async throws {
    try await RunningManager.run { manager in
      let session = try await manager.logOn()
      for type in ["application/xml", "Content-Type", "application/json"] {
        let answer = try await manager.send(
          "GET",
          "/v1/virtualizationsites",
          session: session,
          contentType: type
        )
        #expect(answer.status == 200, "\(type)")
      }
    }
  }

  @Test func `a HEAD is a GET without the body`() async throws {
    try await RunningManager.run { manager in
      let answer = try await manager.send("HEAD", "/v1/")
      #expect(answer.status == 200 && answer.text.isEmpty)
    }
  }

  @Test func `a VPG for a site that nobody knows is refused and the settings stay`() async throws {
    try await RunningManager.run { manager in
      let session = try await manager.logOn()
      let site = manager.configuration.siteIdentifier
      let opened = try await manager.send(
        "POST",
        "/v1/vpgSettings",
        body: """
          {"Basic": {"Name": "x", "ProtectedSiteIdentifier": "\(site)",
           "RecoverySiteIdentifier": "\(UUID().uuidString)"}}
          """,
        session: session
      )
      let settings = opened.text.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
      let commit = try await manager.send(
        "POST",
        "/v1/vpgSettings/\(settings)/commit",
        session: session
      )
      #expect(commit.status == 400)
      #expect(commit.member("Message")?.contains("Basic.RecoverySiteIdentifier") == true)
      let after = try await manager.send("GET", "/v1/vpgSettings/\(settings)", session: session)
      #expect(after.status == 200)
    }
  }
}
