// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct ValueTests {
  private func roundTrip(_ text: String) throws -> String {
    String(decoding: JSONWriter.write(try JSONReader.read(Array(text.utf8))), as: UTF8.self)
  }

  @Test(arguments: [
    "null", "true", "[]", "{}", "-9223372036854775808", "9223372036854775807",
    #"{"a":[1,2.5,"x"],"b":{"c":null}}"#, #""tab\t quote\" slash\\ bell\u0007""#, "\"ä€𝄞\"",
  ])
  func `what is read is written alike`(text: String) throws {
    #expect(try roundTrip(text) == text)
  }

  @Test func `escapes are read as the characters they stand for`() throws {
    let value = try JSONReader.read(Array(#" "\u00e4\ud834\udd1e\/\n" "#.utf8))
    #expect(value == .string("ä𝄞/\n"))
  }

  @Test(arguments: [
    "", "{", "[1,", "{\"a\"}", "{\"a\":}", "nul", "01", "-", "1e", "\"\\x\"", "\"\\ud834\"", "\"a",
    "1 2", "{,}", "\"\u{1}\"", "+1", ".5", "[1 2]", "1e999", "'a'",
  ])
  func `what is not JSON is refused`(text: String) {
    #expect(throws: JSONReader.Failure.self) { try JSONReader.read(Array(text.utf8)) }
  }

  @Test func `a date is that of the calendar, from the first whole Gregorian year on`() {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = .gmt
    for month in stride(from: 1582 * 12, to: 9999 * 12, by: 7) {
      let (year, number) = (month / 12 + 1, month % 12 + 1)
      for day in [1, 28] {
        let date = calendar.date(from: DateComponents(year: year, month: number, day: day))
        let time = (date?.timeIntervalSince1970 ?? 0) * 1000 + 86_399_999
        let text = APIDate.text(of: WallTime(milliseconds: Int64(time)))
        #expect(
          text
            == "\(String(format: "%04d-%02d-%02d", year, number, day))T23:59:59.999Z"
        )
      }
    }
    // The last day of February is that of a leap year or not.
    #expect(APIDate.text(of: WallTime(milliseconds: -1)) == "1969-12-31T23:59:59.999Z")
    #expect(
      APIDate.text(of: WallTime(milliseconds: 951_782_400_000)) == "2000-02-29T00:00:00.000Z"
    )
    #expect(
      APIDate.text(of: WallTime(milliseconds: 4_107_542_400_000)) == "2100-03-01T00:00:00.000Z"
    )
  }

  @Test(arguments: [
    ("plain-1.a_b~c", "plain-1.a_b~c"), ("a b/c?d#e%", "a%20b%2Fc%3Fd%23e%25"),
    ("ä\u{7}", "%C3%A4%07"), (":@!$&'()*+,;=", ":@!$&'()*+,;="), ("[]{}|^", "%5B%5D%7B%7D%7C%5E"),
  ])
  func `a link carries what a path segment can carry`(identifier: String, escaped: String) {
    let links = Links(baseURL: "https://a", localSite: FakeSite.london)
    let link = links.link("T", "things", identifier).object
    #expect(link?["href"] == .string("https://a/v1/things/\(escaped)"))
    #expect(link?["identifier"] == .string(identifier))
  }

  @Test func `nesting has a limit`() {
    let text = String(repeating: "[", count: 100_000)
    #expect(throws: JSONReader.Failure.self) { try JSONReader.read(Array(text.utf8)) }
  }

  @Test func `an instant has milliseconds and a Z`() {
    #expect(
      APIDate.text(of: WallTime(milliseconds: 1_714_979_289_007)) == "2024-05-06T07:08:09.007Z"
    )
    #expect(APIDate.text(of: WallTime(milliseconds: -1)) == "1969-12-31T23:59:59.999Z")
  }

  @Test(arguments: [
    ("2024-05-06T07:08:09.123Z", 1_714_979_289_123), ("2024-05-06T07:08:09Z", 1_714_979_289_000),
    ("2024-05-06T09:08:09+02:00", 1_714_979_289_000), ("2024-05-06", 1_714_946_400_000),
    ("2024-05-06 07:08:09", 1_714_972_089_000), ("05/06/2024 07:08:09", 1_714_972_089_000),
    ("5/6/2024 7:08:09 PM", 1_715_015_289_000), ("/Date(1714979289123+0200)/", 1_714_979_289_123),
  ])
  func `dates are read in every form, local where they say no zone`(
    text: String,
    milliseconds: Int64
  ) throws {
    let zone = try #require(TimeZone(secondsFromGMT: 7200))
    #expect(APIDate.read(text, zone: zone)?.milliseconds == milliseconds)
  }

  @Test(arguments: ["", "soon", "2024-13-01", "2024-05", "2024-05-06T25:00:00Z", "1/2"])
  func `what is no date is not read`(text: String) {
    #expect(APIDate.read(text) == nil)
  }

  @Test func `noon and midnight are told apart in American time`() {
    #expect(
      APIDate.americanText(of: WallTime(milliseconds: 1_570_625_700_000)) == "10/09/2019 12:55 PM"
    )
    #expect(
      APIDate.americanText(of: WallTime(milliseconds: 1_570_579_500_000)) == "10/09/2019 12:05 AM"
    )
  }

  @Test func `names that XML cannot carry have their own`() {
    #expect(APIMember(name: "Link_{0}", value: .null).xmlName == "Link__x007B_0_x007D_")
    #expect(APIMember(name: "IOPs", value: .null).xmlName == "IOPS")
    #expect(APIMember(name: "VpgName", value: .null).xmlName == "VpgName")
  }
}
