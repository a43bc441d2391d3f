// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What is fuzzed: each is a way for bytes of somebody else's to reach us.
///
/// A run ends normally whatever the bytes are; a broken promise traps.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// A client's handshake and requests, at our NBD server.
  case nbdServer = "nbd-server"
  /// A server's handshake and replies, at our NBD client.
  case nbdClient = "nbd-client"
  /// A sender's frames, at the receiving end of a link.
  case linkReceiver = "link-receiver"
  /// A receiver's frames, at the sending end of a link.
  case linkSender = "link-sender"
  /// A journal that somebody damaged: pieces of a good one, changed, cut and swapped.
  case journalDamage = "journal-damage"
  /// Any records a peer may send, appended to a journal.
  case journalRecords = "journal-records"
  /// A folder with files of any content where a journal should be.
  case journalFiles = "journal-files"

  /// Runs the target over one input.
  package func run(_ bytes: UnsafeRawBufferPointer) {
    var input = FuzzInput(bytes)
    switch self {
    case .nbdServer: fuzzNBDServer(&input)
    case .nbdClient: fuzzNBDClient(&input)
    case .linkReceiver: fuzzLinkReceiver(&input)
    case .linkSender: fuzzLinkSender(&input)
    case .journalDamage: fuzzJournalDamage(&input)
    case .journalRecords: fuzzJournalRecords(&input)
    case .journalFiles: fuzzJournalFiles(&input)
    }
  }
}

/// The target that `Main/fuzz.c` runs; set before the first input, by the only thread there is.
nonisolated(unsafe) private var selected = FuzzTarget.nbdServer

/// Selects a target by its name; 0 if there is none of that name.
@_cdecl("understudy_fuzz_select")
public func selectFuzzTarget(_ name: UnsafePointer<CChar>) -> Int32 {
  guard let target = FuzzTarget(rawValue: String(cString: name)) else { return 0 }
  selected = target
  return 1
}

/// Runs the selected target over one input.
@_cdecl("understudy_fuzz_run")
public func runFuzzTarget(_ bytes: UnsafePointer<UInt8>?, _ count: Int) {
  selected.run(UnsafeRawBufferPointer(start: bytes, count: count))
}
