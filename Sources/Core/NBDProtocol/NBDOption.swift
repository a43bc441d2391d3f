// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a client can ask for during the handshake ("Option types").
package enum NBDOption: UInt32, Sendable {
  case exportName = 1
  case abort = 2
  case list = 3
  case peekExport = 4
  case startTLS = 5
  case info = 6
  case go = 7
  case structuredReply = 8
  case listMetaContext = 9
  case setMetaContext = 10
}

extension NBDOption {
  /// How a server answers ("Option reply types"); the top bit marks a refusal.
  enum ReplyKind {
    static let acknowledged: UInt32 = 1
    static let server: UInt32 = 2
    static let information: UInt32 = 3
    static let metaContext: UInt32 = 4
    static let unsupported: UInt32 = 0x8000_0001
    static let policy: UInt32 = 0x8000_0002
    static let invalid: UInt32 = 0x8000_0003
    static let unknownExport: UInt32 = 0x8000_0006

    static func isRefusal(_ kind: UInt32) -> Bool { kind & 0x8000_0000 != 0 }
  }

  /// What `NBD_REP_INFO` tells ("information types").
  enum Information {
    static let export: UInt16 = 0
    static let blockSize: UInt16 = 3
  }
}
