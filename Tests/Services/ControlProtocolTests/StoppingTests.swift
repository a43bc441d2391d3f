// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Ports whose task is cancelled.
@Suite struct StoppingTests {
  @Test(.timeLimit(.minutes(2)))
  func `a port that is stopped while clients come takes nothing else with it`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("11111111-0000-4000-8000-000000000001", in: folder)
      let trust = try TestSite.trust(site)
      for _ in 0..<50 {
        var clients: [Int32] = []
        defer { for client in clients { close(client) } }
        try await withControlServer(of: site, trust: trust, routes: { _ in }) { port in
          // The server is told to stop while it takes them.
          for _ in 0..<50 { clients.append(try Self.client(of: port)) }
        }
      }
    }
  }

  private static func client(of port: Int) throws -> Int32 {
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let status = withUnsafePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        connect(client, address, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(status == 0, "errno \(errno)")
    return client
  }
}
