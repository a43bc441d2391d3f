// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Logging
import Manager
import Testing

@Suite struct ReportAccessTests {
  @Test(.timeLimit(.minutes(2)), arguments: [false, true])
  func `resource reports are read without a session unless they are closed, and the log says which`(
    areClosed: Bool
  ) async throws {
    let (lines, write) = AsyncStream.makeStream(of: String.self)
    let logger = Logger(label: "manager") { _ in LineLog(write: write) }
    try await RunningManager.run(
      access: { _ in
        var access = AccessConfiguration()
        if areClosed { access.closesResourceReports = true }
        return access
      },
      logger: logger
    ) { manager in
      let words = areClosed ? "needs a session" : "needs no session"
      #expect(await lines.first { $0.contains("resource reports are") }?.contains(words) == true)
      let path =
        "/ZvmService/ResourcesReport/getSamples?fromTimeString=2026-01-01&toTimeString=2026-01-02"
        + "&startIndex=0&count=10"
      #expect(try await manager.send("GET", path).status == (areClosed ? 401 : 200))
      let session = try await manager.logOn()
      #expect(try await manager.send("GET", path, session: session).status == 200)
    }
  }
}
