// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import FoundationXML
import Testing

@testable import ZVRAPI

@Suite struct FormatTests {
  @Test(
    arguments: [
      (nil, nil, .json), ("*/*", nil, .json), ("application/xml", nil, .xml),
      ("text/xml; charset=utf-8", "application/json", .xml),
      ("application/json", "application/xml", .json), (nil, "application/xml", .xml),
      ("*/*", "text/xml", .xml), (nil, "application/json; charset=utf-8", .json),
      (nil, "Content-Type", .json), (nil, "text/html", .json),
      ("application/json, text/html", nil, .json), ("text/html, application/json", nil, .json),
      ("application/xml;q=0.5, application/json", nil, .json),
      ("application/json;q=0, text/xml", nil, .xml),
      ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", nil, .html),
    ] as [(String?, String?, APIFormat)]
  )
  func `the headers decide on the format in their order`(
    accept: String?,
    contentType: String?,
    format: APIFormat
  ) {
    #expect(APIFormat.ofAnswer(accept: accept, contentType: contentType) == format)
  }

  @Test func `a list has the root and the namespace that clients read`() async throws {
    let client = await APIClient.loggedOn()
    let document = await client.xml("/v1/vpgs")
    let start =
      "<ArrayOfVpgApi xmlns=\"http://schemas.zerto.com/zvm/api\" "
      + "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><VpgApi>"
    #expect(document.hasPrefix(start))
    #expect(document.contains("<IOPS>"))
    #expect(document.contains("<Link__x007B_0_x007D_><href>"))
    #expect(document.contains("<Priority>Medium</Priority>"))
    #expect(document.contains("<ServiceProfile i:nil=\"true\"/>"))
  }

  @Test func `members are in alphabetical order at every level`() async throws {
    let client = await APIClient.loggedOn()
    for path in ["/v1/vpgs", "/v1/vms", "/v1/localsite", "/v1/tasks"] {
      let reader = Outline(await client.xml(path))
      #expect(reader.isWellFormed, "\(path)")
      for names in reader.objects { #expect(names == names.sorted(), "\(path)") }
    }
  }

  @Test func `texts and scalars have the roots of data contracts`() {
    let scalars = "http://schemas.microsoft.com/2003/10/Serialization/"
    let cases: [(APIValue, String)] = [
      (.string("a<b"), "<string xmlns=\"\(scalars)\">a&lt;b</string>"),
      (.bool(true), "<boolean xmlns=\"\(scalars)\">true</boolean>"),
      (
        .texts(["x"]),
        "<ArrayOfstring xmlns=\"\(scalars)Arrays\" xmlns:i=\"\(XMLWriter.instanceNamespace)\">"
          + "<string>x</string></ArrayOfstring>"
      ),
    ]
    for (value, expected) in cases {
      #expect(String(decoding: XMLWriter.write(value), as: UTF8.self) == expected)
    }
  }

  @Test func `lists of texts inside an object are in the namespace of arrays`() {
    let value = APIValue.object("AApi", ["B": .texts(["x"]), "A": .null])
    let document = String(decoding: XMLWriter.write(value), as: UTF8.self)
    #expect(
      document.contains(
        "<A i:nil=\"true\"/><B xmlns:a=\"\(XMLWriter.arraysNamespace)\"><a:string>x</a:string></B>"
      )
    )
  }

  @Test func `resource samples are in no namespace`() {
    let value = APIValue.list([.object("VmResourcesInfo", [:])], element: "VmResourcesInfo")
    let document = String(decoding: XMLWriter.write(value), as: UTF8.self)
    #expect(document.hasPrefix("<ArrayOfVmResourcesInfo xmlns:i="))
  }

  @Test func `what XML cannot carry is replaced`() {
    let document = XMLWriter.write(.string("a\u{1}b\r\u{FFFE}"))
    #expect(String(decoding: document, as: UTF8.self).contains(">a\u{FFFD}b&#13;\u{FFFD}<"))
  }

  @Test func `an XML body is read as the same JSON body is`() throws {
    let xml = """
      \u{FEFF}<?xml version="1.0" encoding="utf-8"?>
      <FailoverDataApi xmlns="http://schemas.zerto.com/zvm/api"
        xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
        <CheckpointIdentifier>12</CheckpointIdentifier><CommitPolicy i:nil="true"/>
        <VmIdentifiers xmlns:a="http://schemas.microsoft.com/2003/10/Serialization/Arrays">
          <a:string>one</a:string></VmIdentifiers>
        <BootGroups><BootGroups><VpgSettingsBootGroupApi><Name>a &amp; <![CDATA[<b>]]></Name>
        </VpgSettingsBootGroupApi></BootGroups></BootGroups>
      </FailoverDataApi>
      """
    let object = try #require(try XMLReader.read(Array(xml.utf8)).object)
    #expect(try object.integer("checkpointidentifier") == 12)
    #expect(object["CommitPolicy"] == .null)
    #expect(try object.texts("VmIdentifiers") == ["one"])
    let groups = object.object("BootGroups")["BootGroups"]?.items
    #expect(groups?.first?.object?["Name"] == .string("a & <b>"))
  }

  @Test(arguments: [
    "", "<a>", "<a></b>", "<a/><b/>", "{}", "<a>&unknown;</a>", "<?xml version='1.0'?>",
    "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
    "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
    "<?xml version=\"1.0\" encoding=\"utf-7\"?><a/>",
    String(repeating: "<a>", count: 70) + String(repeating: "</a>", count: 70),
    String(repeating: "<a>", count: 100_000),
  ])
  func `what is no XML, or no plain XML, is refused`(text: String) {
    #expect(throws: XMLReader.Failure.self) { try XMLReader.read(Array(text.utf8)) }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    #expect(throws: XMLReader.Failure.self) {
      try XMLReader.read([UInt8(ascii: "<"), 0xFF, UInt8(ascii: ">")])
    }
  }

  @Test func `a call with an XML body does what it does with JSON`() async throws {
    let client = await APIClient.loggedOn()
    let checkpoint =
      "<CheckpointsDataApi xmlns=\"http://schemas.zerto.com/zvm/api\">"
      + "<CheckpointName>before</CheckpointName></CheckpointsDataApi>"
    let answer = await client.respond(
      .post,
      "/v1/vpgs/\(FakeSite.vpg)/checkpoints",
      checkpoint,
      contentType: "application/xml"
    )
    #expect(answer.status == 200)
    let text = String(decoding: try #require(answer.rendered).bytes, as: UTF8.self)
    #expect(text.hasPrefix("<string xmlns="))
  }

  @Test func `a settings object read as XML can be put back`() async throws {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    let before = await client.get(settings)
    let document = await client.xml(settings)
    let answer = await client.respond(.put, settings, document, contentType: "text/xml")
    #expect(answer.status == 200, "\(answer.content)")
    #expect(await client.get(settings) == before)
  }

  @Test func `a wrong member of an XML body is named, in XML`() async throws {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings()
    let answer = await client.respond(
      .put,
      settings + "/basic",
      "<VpgSettingsBasicApi><RpoInSeconds>soon</RpoInSeconds></VpgSettingsBasicApi>",
      contentType: "application/xml"
    )
    #expect(answer.status == 400)
    let text = String(decoding: try #require(answer.rendered).bytes, as: UTF8.self)
    #expect(text.hasPrefix("<ErrorApi ") && text.contains("RpoInSeconds"))
  }

  @Test func `a browser gets pages with links`() async throws {
    let client = APIClient()
    let answer = await client.respond(
      .get,
      "/v1/",
      accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    )
    let rendered = try #require(answer.rendered)
    #expect(rendered.mediaType.hasPrefix("text/html"))
    let page = String(decoding: rendered.bytes, as: UTF8.self)
    #expect(page.contains("<a href=\"https://zvm.example:9669/v1/vpgs\">"))
  }

  @Test func `a page shows texts as texts`() {
    #expect(!HTMLWriter.page(of: .string("<script>")).contains("<script>"))
  }
}

/// The names of the members of every object in a document, as an independent parser sees them.
private final class Outline: NSObject, XMLParserDelegate {
  var objects: [[String]] = []
  var isWellFormed = false
  private var open: [[String]] = []

  init(_ document: String) {
    super.init()
    let parser = XMLParser(data: Data(document.utf8))
    parser.delegate = self
    isWellFormed = parser.parse()
  }

  func parser(
    _ parser: XMLParser,
    didStartElement name: String,
    namespaceURI: String?,
    qualifiedName: String?,
    attributes: [String: String]
  ) {
    if !open.isEmpty { open[open.count - 1].append(name) }
    open.append([])
  }

  func parser(
    _ parser: XMLParser,
    didEndElement name: String,
    namespaceURI: String?,
    qualifiedName: String?
  ) {
    objects.append(open.removeLast())
  }
}
