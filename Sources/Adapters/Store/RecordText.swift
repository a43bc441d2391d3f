// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A record as the database keeps it: JSON with sorted keys.
enum RecordText {
  static func encode(_ record: some Encodable) throws(StoreError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return String(decoding: try encoder.encode(record), as: UTF8.self) } catch {
      throw .corrupt("a record cannot be written: \(error)")
    }
  }

  /// Reads the record of a row that has one column.
  static func decode<Record: Decodable>(_ row: [SQLValue]) throws(StoreError) -> Record {
    guard let text = row.first?.text else { throw .corrupt("a record has no text") }
    do { return try JSONDecoder().decode(Record.self, from: Data(text.utf8)) } catch {
      throw .corrupt("a record cannot be read: \(error)")
    }
  }
}
