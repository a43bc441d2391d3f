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
