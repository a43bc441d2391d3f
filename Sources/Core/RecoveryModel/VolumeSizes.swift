// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The volumes of a stream from one of its records on: the size of each in bytes, by its number.
///
/// A volume keeps its number for as long as there is the stream. Its size is 0 before and after it
/// is a part of the VM; one that was taken away never comes back under its number.
///
/// It is the payload of a `syncBegan` record: 8 bytes each, little endian.
package struct VolumeSizes: Hashable, Sendable {
  /// Volumes of one stream, those that were taken away included.
  package static let limit = 256

  package private(set) var bytes: [UInt64]

  package init(_ bytes: [UInt64]) { self.bytes = bytes }

  /// The size of a volume; 0 if it is not there.
  package subscript(_ volume: Int) -> UInt64 { volume < bytes.count ? bytes[volume] : 0 }

  /// The numbers of the volumes that are there.
  package var present: [Int] { bytes.indices.filter { bytes[$0] > 0 } }

  /// The same with numbers for at least so many volumes.
  package func padded(to count: Int) -> VolumeSizes {
    VolumeSizes(bytes + [UInt64](repeating: 0, count: max(0, count - bytes.count)))
  }

  /// Whether these can be a stream's volumes after those of before.
  package func canFollow(_ before: VolumeSizes) -> Bool {
    !present.isEmpty && bytes.count <= Self.limit
      && before.bytes.indices.allSatisfy { before[$0] > 0 || self[$0] == 0 }
  }
}

extension VolumeSizes {
  package var encoded: [UInt8] {
    bytes.flatMap { size in (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } }
  }

  /// Reads a payload; nil if it is none, which says that the volumes stay as they are.
  package init?(decoding payload: some Sequence<UInt8>) {
    let payload = Array(payload)
    guard !payload.isEmpty, payload.count.isMultiple(of: 8), payload.count <= 8 * Self.limit else {
      return nil
    }
    bytes = stride(from: 0, to: payload.count, by: 8).map { start in
      (0..<8).reduce(0) { $0 | UInt64(payload[start + $1]) << (8 * UInt64($1)) }
    }
  }
}
