// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a client can ask for once the handshake is over ("Request types").
package enum NBDCommand: UInt16, Sendable {
  case read = 0
  case write = 1
  case disconnect = 2
  case flush = 3
  case trim = 4
  case writeZeroes = 6
  case blockStatus = 7
}

extension NBDCommand {
  /// How a command is to be carried out ("Command flags").
  package struct Flags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The data is durable before the reply (`NBD_CMD_FLAG_FUA`).
    package static let forcedUnitAccess = Flags(rawValue: 1 << 0)
    /// Zeroes must take up space (`NBD_CMD_FLAG_NO_HOLE`).
    package static let noHole = Flags(rawValue: 1 << 1)
    /// A read's data comes in one piece (`NBD_CMD_FLAG_DF`).
    package static let doNotFragment = Flags(rawValue: 1 << 2)
    /// One extent is enough (`NBD_CMD_FLAG_REQ_ONE`).
    package static let requestOne = Flags(rawValue: 1 << 3)
    /// Zeroes only if they are quicker than writing them (`NBD_CMD_FLAG_FAST_ZERO`).
    package static let fastZero = Flags(rawValue: 1 << 4)
  }

  /// The flags a client may set.
  ///
  /// Forced unit access means nothing to reads but is harmless.
  var permittedFlags: Flags {
    switch self {
    case .read: [.forcedUnitAccess, .doNotFragment]
    case .writeZeroes: [.forcedUnitAccess, .noHole, .fastZero]
    case .blockStatus: [.forcedUnitAccess, .requestOne]
    case .write, .disconnect, .flush, .trim: [.forcedUnitAccess]
    }
  }

  /// Whether it changes the export.
  var isWriting: Bool {
    switch self {
    case .write, .trim, .writeZeroes: true
    case .read, .disconnect, .flush, .blockStatus: false
    }
  }
}
