// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZVRAPI

@Suite struct ScriptCallTests {
  private let base = "/v1/recoveryScripts"

  private func upload(
    _ client: APIClient,
    _ body: String,
    type: String = "multipart/form-data; boundary=\"b\""
  ) async -> Int {
    await client.respond(.post, "\(base)/repository/files", body, contentType: type).status
  }

  private func names(_ client: APIClient, _ query: String) async -> [String] {
    let answer = await client.get("\(base)/\(query)")
    return (answer.object?["Items"]?.items ?? []).compactMap { $0.object?["Path"]?.readText }
  }

  private func content(_ client: APIClient, _ query: String) async -> String {
    let answer = await client.respond(.get, "\(base)/\(query)")
    return answer.rendered.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "\(answer.status)"
  }

  @Test func `a script is kept, listed, read, replaced if asked for, and deleted`() async {
    let client = await APIClient.loggedOn()
    #expect(await upload(client, FakeSite.upload(path: "/dns/b.sh", "one\r\ntwo")) == 200)
    #expect(await content(client, "repository/files?path=/dns/b.sh") == "one\r\ntwo")
    #expect(await names(client, "repository/items") == ["/dns"])
    #expect(await names(client, "repository/items?path=/dns&search=b*") == ["/dns/b.sh"])
    #expect(await upload(client, FakeSite.upload(path: "/dns/b.sh", "new")) == 409)
    let overwriting = [
      "--b", #"Content-Disposition: form-data; name="overwriteExisting""#, "", "true", "",
    ].joined(separator: "\r\n")
    #expect(await upload(client, FakeSite.upload(path: "/dns/b.sh", "new", overwriting)) == 200)
    #expect(await content(client, "repository/files?path=/dns/b.sh") == "new")
    #expect(await client.send(.delete, "\(base)/repository/files?path=/dns/b.sh").status == 200)
    #expect(await client.send(.delete, "\(base)/repository/files?path=/dns/b.sh").status == 404)
    #expect(await client.send(.delete, "\(base)/repository/folders?path=/dns").status == 409)
    let whole = "\(base)/repository/folders?path=/dns&deleteIfNotEmpty=true"
    #expect(await client.send(.delete, whole).status == 200)
    #expect(await names(client, "repository/items") == [])
  }

  @Test func `a script that is put into a folder has its file's own name`() async {
    let client = await APIClient.loggedOn()
    #expect(await upload(client, FakeSite.upload(path: "/dns/")) == 200)
    #expect(await names(client, "repository/items?path=/dns") == ["/dns/a.sh", "/dns/up.sh"])
  }

  @Test(arguments: ["/../x", "..", "/dns/../../x", "/.x", "/a%00b", "%2e%2e/x", "/a%5C..%5Cb"])
  func `no path leads out of an area`(path: String) async {
    let client = await APIClient.loggedOn()
    for call in ["files", "folders"] {
      for area in ["repository", "output"] {
        let answer = await client.send(.delete, "\(base)/\(area)/\(call)?path=\(path)")
        #expect(answer.status == 400, "\(area) \(call)")
      }
    }
    #expect(await client.respond(.get, "\(base)/output/files?path=\(path)").status == 400)
    #expect(await client.respond(.get, "\(base)/output/items?path=\(path)").status == 400)
    #expect(await upload(client, FakeSite.upload(path: "/../up.sh")) == 400)
  }

  @Test(arguments: [
    "", "--b", "--b\r\n\r\n--b--", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
    "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx", "nonsense",
    FakeSite.upload(path: "/x", "y").replacing("--b--", with: "--b"),
  ])
  func `a form that is none is refused`(body: String) async {
    let client = await APIClient.loggedOn()
    #expect(await upload(client, body) == 400)
    #expect(await upload(client, FakeSite.upload(path: "/x"), type: "application/json") == 400)
    #expect(await upload(client, FakeSite.upload(path: "/x"), type: "multipart/form-data") == 400)
    #expect(await names(client, "repository/items") == ["/dns"])
  }

  @Test func `a script is too large`() async {
    let client = await APIClient.loggedOn()
    let large = String(repeating: "a", count: (2 << 20) + 1)
    #expect(await upload(client, FakeSite.upload(path: "/x", large)) == 400)
  }

  @Test(arguments: [Role.administrator, .vpgOperator, .tester, .viewer])
  func `who may test reads what scripts printed, and only administrators read or change scripts`(
    role: Role
  ) async {
    let client = await APIClient.loggedOn(as: role)
    let isAdministrator = role == .administrator
    #expect(
      (await upload(client, FakeSite.upload(path: "/x")) == 200) == isAdministrator
    )
    let script = await client.respond(.get, "\(base)/repository/files?path=/dns/a.sh").status
    #expect((script == 200) == isAdministrator)
    let printed = await client.respond(.get, "\(base)/output/files?path=/web/printed.txt").status
    #expect((printed == 200) == (role != .viewer))
  }
}
