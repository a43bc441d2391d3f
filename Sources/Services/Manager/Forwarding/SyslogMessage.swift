// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel

/// An event as RFC 5424 writes it.
enum SyslogMessage {
  /// `local0` (section 6.2.1).
  private static let facility = 16
  /// The enterprise number for examples (RFC 5612): nobody has given the project one.
  private static let structure = "understudy@32473"

  /// One message, in UTF-8, without framing.
  static func text(of event: EventRecord, host: String) -> String {
    let time = Date(timeIntervalSince1970: Double(event.occurred.milliseconds) / 1000)
      .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    let members = [
      ("id", event.identifier), ("kind", "\(event.kind)"), ("site", event.site.rawValue),
      ("user", event.userName), ("succeeded", event.succeeded ? "true" : "false"),
      ("vpgs", event.vpgs.map(\.rawValue).joined(separator: ",")),
    ].map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: " ")
    let text = String(event.description.map { $0.isNewline || $0 == "\0" ? " " : $0 })
    return "<\(facility * 8 + severity(of: event))>1 \(time) \(name(host)) understudy - "
      + "\(event.kind) [\(structure) \(members)] \u{FEFF}\(text)"
  }

  /// Section 6.2.1: 3 is an error, 4 a warning, 5 worth a look, 6 for the record.
  private static func severity(of event: EventRecord) -> Int {
    switch event.kind {
    case .alertTurnedOn: 3
    case .alertTurnedOff: 5
    default: event.succeeded ? 6 : 4
    }
  }

  /// Section 6.3.3: a value may hold neither a bare quotation mark, backslash nor bracket.
  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      if "\"\\]".contains(character) { result.append("\\") }
      result.append(character.isNewline ? " " : character)
    }
  }

  /// Section 6.2.4: printable ASCII, at most 255 of it.
  private static func name(_ host: String) -> String {
    let name = host.utf8.filter { (33...126).contains($0) }.prefix(255)
    return name.isEmpty ? "-" : String(decoding: name, as: UTF8.self)
  }
}
