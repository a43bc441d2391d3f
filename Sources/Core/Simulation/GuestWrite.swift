// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// One write of a guest, from its issue to its acknowledgement.
///
/// Times are numbers of events of the whole world, so that "before" means the same to everybody.
final class GuestWrite {
  /// How far a write has come.
  enum Phase {
    /// The source disk has it; the tap does not.
    case onSource
    /// The tap received its payload; nil if there was no room for it.
    case received(checksum: UInt32?)
    /// The tap took it, and the reply may be on its way to the guest.
    case taken
  }

  let number: Int
  let volume: Int
  let offset: Int
  let count: Int
  /// Nil for zeroes.
  let bytes: [UInt8]?
  /// The tap's connection it goes through; nil if there is none.
  let tap: UInt64?
  let issued: Int
  var phase = Phase.onSource
  /// When it became part of what the VM's stream owes the other site.
  var taken: Int?
  var acknowledged: Int?
  /// The simulated clock when it was taken.
  var takenAt: Int64 = 0
  /// The number the stream gave it; nil if it was not kept.
  var sequence: UInt64?

  init(
    number: Int,
    volume: Int,
    offset: Int,
    count: Int,
    bytes: [UInt8]?,
    tap: UInt64?,
    issued: Int
  ) {
    self.number = number
    self.volume = volume
    self.offset = offset
    self.count = count
    self.bytes = bytes
    self.tap = tap
    self.issued = issued
  }

  var range: Range<Int> { offset..<offset + count }

  /// Puts the write's bytes where they belong.
  func apply(to content: inout [UInt8]) {
    content.replaceSubrange(range, with: bytes ?? [UInt8](repeating: 0, count: count))
  }
}
