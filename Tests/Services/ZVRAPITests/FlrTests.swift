// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct `File-level restore` {
  private let root = "/v1/flrs/\(FakeSite.files.rawValue)"

  @Test func `goes from a checkpoint over a folder to a file's bytes`() async throws {
    let client = await APIClient.loggedOn()
    let opened = await client.send(
      .post,
      "/v1/flrs",
      #"{"jflr": {"VmIdentifier": "\#(FakeSite.web)", "CheckpointIdentifier": "101"}}"#
    )
    #expect(opened.status == 200)
    #expect(opened.body == .string(FakeSite.files.rawValue))
    let sessions = await client.get(root)
    #expect(
      sessions.items?.first?.object?["FlrSessionStatus"] == .string("MountCompletedSuccessfully")
    )
    #expect(sessions.items?.first?.object?["FlrSessionType"] == .string("jflr"))
    let folder = await client.send(.post, "\(root)/browse", #"{"Path": "/vda1"}"#)
    #expect(folder.body.object?["MainPathItem"]?.object?["Type"] == .string("Partition"))
    let items = folder.body.object?["PathItems"]?.items
    #expect(items?.first?.object?["Path"] == .string("/vda1/a b"))
    #expect(items?.first?.object?["DownloadInformation"]?.object?["IsDownloadable"] == .bool(true))
    #expect(items?.last?.object?["DownloadInformation"]?.object?["IsDownloadable"] == .bool(false))
    let address = await client.send(.post, "\(root)/download", #"{"PathList": ["/vda1/a b&c"]}"#)
    let text = try #require(address.body.readText)
    #expect(text == "https://zvm.example:9669\(root)/download?path=%2Fvda1%2Fa%20b%26c")
    let answer = await client.respond(.get, "\(root)/download?path=%2Fvda1%2Fa%20b%26c")
    guard case .stream(let stream) = answer.content else {
      Issue.record("no bytes: \(answer)")
      return
    }
    #expect(stream.fileName == "a b&c")
    var bytes: [UInt8] = []
    for try await part in stream.content.parts { bytes += part }
    #expect(bytes == Array("/vda1/a b&c".utf8))
    #expect(await client.send(.delete, root).status == 200)
  }

  @Test func `is for those who may recover, and every download is in the audit log`() async throws {
    let path = "\(root)/download?path=%2Fvda1%2Fsecret"
    for role in [Role.viewer, .tester] {
      let client = await APIClient.loggedOn(as: role)
      #expect(await client.respond(.get, path).status == 403)
      #expect(await client.send(.post, "\(root)/browse", "{}").status == 403)
      let denied = try await client.service.book?.entries(from: nil, to: nil, limit: 9)
      #expect(denied?.last?.status == 403)
    }
    let client = await APIClient.loggedOn(as: .vpgOperator)
    #expect(await client.respond(.get, path).status == 200)
    let entries = try await client.service.book?.entries(from: nil, to: nil, limit: 9)
    #expect(entries?.first?.action == "GET \(root)/download /vda1/secret")
    #expect(entries?.first?.user == "admin")
  }

  @Test func `compares two sessions, and shows the changes a page at a time`() async throws {
    let client = await APIClient.loggedOn()
    let path = "\(root)/comparison"
    let begun = await client.send(
      .post,
      path,
      #"{"FromSessionIdentifier": "\#(FakeSite.files)", "Path": "/vda1"}"#
    )
    #expect(begun.body == .string(FakeSite.files.rawValue))
    let answer = try #require(await client.get(path).object)
    #expect(answer["IsDone"] == .bool(true))
    #expect(answer["FileSystems"]?.items?.first?.object?["Changed"]?.readInteger == 1)
    #expect(answer["Problems"]?.items?.first?.readText == "vdb1: swap")
    let changes = answer["Changes"]?.items?.compactMap(\.object) ?? []
    #expect(changes.map { $0["Change"]?.readText } == ["Added", "Changed"])
    #expect(changes.first?["Before"] == .null)
    #expect(changes.last?["Different"]?.items?.map(\.readText) == ["Size", "Modified"])
    #expect(changes.last?.value("After", "Mode").readText == "640")
    let page = try #require(await client.get(path + "?firstChange=1&changeCount=1").object)
    #expect(page["ListedCount"]?.readInteger == 2)
    #expect(page["Changes"]?.items?.first?.object?["Path"]?.readText == "/vda1/old")
    for (query, status) in [("changeCount=10001", 400), ("firstChange=-1", 400)] {
      #expect(await client.send(.get, "\(path)?\(query)").status == status)
    }
    #expect(await client.send(.post, path, #"{"Path": "/"}"#).status == 400)
    #expect(
      await client.send(.post, path, #"{"FromSessionIdentifier": "files-x"}"#).status == 404
    )
    let viewer = await APIClient.loggedOn(as: .viewer)
    #expect(await viewer.send(.get, path).status == 403)
  }

  @Test func `refuses what it cannot do`() async {
    let client = await APIClient.loggedOn()
    for (body, status) in [
      (#"{"PathList": []}"#, 400), (#"{"PathList": ["/a", "/b"]}"#, 400),
    ] {
      #expect(await client.send(.post, "\(root)/download", body).status == status)
    }
    #expect(await client.respond(.get, "\(root)/download").status == 400)
    #expect(await client.send(.post, "\(root)/browse", #"{"PageSize": -1}"#).status == 400)
    for call in ["/v1/flrs/x", "/v1/flrs/x/download?path=/a"] {
      #expect(await client.respond(.get, call).status == 404)
    }
    #expect(await client.send(.delete, "/v1/flrs/x").status == 404)
  }
}
