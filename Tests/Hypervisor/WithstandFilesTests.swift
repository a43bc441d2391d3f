// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a file is fetched as it was at a checkpoint, and a killed appliance leaves nothing`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let point = try await bench.insertCheckpoint()
    let paris = try await ZVMClient(loggingInTo: bench.paris)
    do {
      let session = try await bench.openFiles(at: point, by: paris)
      let listing = try await paris.post("/flrs/\(session)/browse", ["Path": "/vdb"])
      #expect(listing["PathItems"].elements.contains { $0["Path"].text == "/vdb/seq" })
      let download = try await paris.post(
        "/flrs/\(session)/download",
        ["PathList": ["/vdb/seq"]]
      )
      let content = try await Program.run([
        "curl", "--silent", "--fail", "--cacert", bench.paris.authorityFile,
        "--header", "x-zerto-session: \(paris.session)", try #require(download.text),
      ])
      let last = try #require(SequenceFile(content)?.lastOfUnbroken)
      #expect((point.bounds.before...point.bounds.after).contains(last))
      try await compare(session, with: try await bench.insertCheckpoint(), bench, paris)

      try await bench.kill(try await bench.worker(of: bench.paris))
      let isOver = try await Waiting.until(seconds: 60) {
        (try? await paris.get("/flrs"))?.elements.isEmpty == true
      }
      #expect(isOver)
      await paris.close()
    } catch {
      await paris.close()
      throw error
    }
  }

  /// The guest wrote its numbers between the two points, and nothing else of that disk.
  private func compare(
    _ session: String,
    with later: DemoPoint,
    _ bench: WithstandBench,
    _ paris: ZVMClient
  ) async throws {
    let second = try await bench.openFiles(at: later, by: paris)
    let path = "/flrs/\(second)/comparison"
    _ = try await paris.post(path, ["FromSessionIdentifier": .text(session), "Path": "/vdb"])
    let isDone = try await Waiting.until(seconds: 120, every: .milliseconds(500)) {
      try await paris.get(path)["IsDone"] == true
    }
    #expect(isDone)
    let answer = try await paris.get(path)
    #expect(answer["Problems"].elements.isEmpty)
    let changes = answer["Changes"].elements
    #expect(changes.map { $0["Path"].text } == ["/vdb/seq"])
    #expect(changes.first?["Change"].text == "Changed")
    #expect(changes.first?["Different"].elements.first?.text == "Size")
  }
}

extension WithstandBench {
  /// Opens the disks of a checkpoint for reading single files, and waits until it can be read.
  fileprivate func openFiles(at point: DemoPoint, by client: ZVMClient) async throws -> String {
    let machines = try await client.get("/vms").elements
    let vm = try #require(machines.first { $0["VmName"].text == Self.vmName })
    let answer = try await client.post(
      "/flrs",
      [
        "jflr": [
          "VpgIdentifier": .text(vpg), "VmIdentifier": vm["VmIdentifier"],
          "CheckpointIdentifier": .text(point.identifier),
        ]
      ]
    )
    let session = try #require(answer.text)
    var state = ""
    let isMounted = try await Waiting.until(seconds: 240, every: .milliseconds(500)) {
      let sessions = try await client.get("/flrs/\(session)").elements
      state = sessions.first?["FlrSessionStatus"].text ?? ""
      return state != "MountInProgress"
    }
    #expect(isMounted && state == "MountCompletedSuccessfully", "\(state)")
    return session
  }
}
