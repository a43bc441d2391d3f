// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import NBDProtocol
import Testing

struct NBDRequestTests {
  static let golden = bytes(
    """
    25609513 0001 0001 0102030405060708 1112131415161718 21222324
    """
  )
  static let write = NBDRequest(
    .write,
    flags: .forcedUnitAccess,
    cookie: 0x0102_0304_0506_0708,
    offset: 0x1112_1314_1516_1718,
    length: 0x2122_2324
  )

  @Test func `a request has the layout of the specification`() {
    #expect(encoded(NBDRequest.encodedByteCount, Self.write.encode(into:)) == Self.golden)
    #expect(NBDRequest(decoding: Self.golden.span.bytes) == Self.write)
  }

  @Test(arguments: 0..<NBDRequest.encodedByteCount)
  func `a request cut short is none`(byteCount: Int) {
    #expect(NBDRequest(decoding: Array(Self.golden.prefix(byteCount)).span.bytes) == nil)
  }

  @Test(arguments: 0..<4)
  func `a request with another magic is none`(position: Int) {
    var wrong = Self.golden
    wrong[position] ^= 1
    #expect(NBDRequest(decoding: wrong.span.bytes) == nil)
  }

  @Test func `only a write is followed by payload, whatever becomes of it`() {
    #expect(NBDRequest(.write, cookie: 1, offset: .max, length: 7).payloadByteCount == 7)
    #expect(NBDRequest(.read, cookie: 1, length: 7).payloadByteCount == 0)
    #expect(NBDRequest(.writeZeroes, cookie: 1, length: 7).payloadByteCount == 0)
  }
}

struct NBDRequestRulesTests {
  static let size: UInt64 = 1 << 20
  static let writable = NBDExportDescription(
    byteCount: size,
    isReadOnly: false,
    maximumPayload: 65536
  )
  static let readOnly = NBDExportDescription(
    byteCount: size,
    isReadOnly: true,
    maximumPayload: 65536
  )

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var request: NBDRequest
    var export = writable
    /// nil if the request is to be granted.
    var error: NBDErrorCode?
  }

  static func request(
    _ command: NBDCommand,
    _ offset: UInt64,
    _ length: UInt32,
    _ flags: NBDCommand.Flags = []
  ) -> NBDRequest {
    NBDRequest(command, flags: flags, cookie: 9, offset: offset, length: length)
  }

  static func numbered(_ type: UInt16) -> NBDRequest {
    var request = request(.read, 0, 1)
    request.type = type
    return request
  }

  static let cases: [Case] = [
    Case(testDescription: "read the last byte", request: request(.read, size - 1, 1)),
    Case(testDescription: "write up to the end", request: request(.write, size - 4096, 4096)),
    Case(testDescription: "zero everything", request: request(.writeZeroes, 0, UInt32(size))),
    Case(testDescription: "trim everything", request: request(.trim, 0, UInt32(size))),
    Case(testDescription: "flush", request: request(.flush, 0, 0)),
    Case(testDescription: "take leave", request: request(.disconnect, 0, 0)),
    Case(testDescription: "write durably", request: request(.write, 0, 1, .forcedUnitAccess)),
    Case(
      testDescription: "zero durably and without a hole",
      request: request(.writeZeroes, 0, 1, [.forcedUnitAccess, .noHole])
    ),
    Case(testDescription: "read nothing at the end", request: request(.read, size, 0)),
    Case(testDescription: "read a whole payload", request: request(.read, 0, 65536)),
    Case(
      testDescription: "read from a read-only export",
      request: request(.read, 0, 1),
      export: readOnly
    ),
    Case(
      testDescription: "flush a read-only export",
      request: request(.flush, 0, 0),
      export: readOnly
    ),

    Case(testDescription: "unknown command", request: numbered(99), error: .invalidArgument),
    Case(
      testDescription: "cache, which we do not offer",
      request: numbered(5),
      error: .invalidArgument
    ),
    Case(
      testDescription: "unknown flag",
      request: request(.write, 0, 1, .init(rawValue: 1 << 4)),
      error: .invalidArgument
    ),
    Case(
      testDescription: "zeroes, quick ones and without a hole",
      request: request(.writeZeroes, 0, 1, [.noHole, .fastZero])
    ),
    Case(
      testDescription: "one piece, without structured replies",
      request: request(.read, 0, 1, .doNotFragment),
      error: .invalidArgument
    ),
    Case(
      testDescription: "block status, without a context",
      request: request(.blockStatus, 0, 1),
      error: .invalidArgument
    ),
    Case(
      testDescription: "no-hole on a write",
      request: request(.write, 0, 1, .noHole),
      error: .invalidArgument
    ),
    Case(
      testDescription: "read past the end",
      request: request(.read, size - 1, 2),
      error: .invalidArgument
    ),
    Case(
      testDescription: "trim past the end",
      request: request(.trim, size, 1),
      error: .invalidArgument
    ),
    Case(
      testDescription: "write past the end",
      request: request(.write, size - 1, 2),
      error: .noSpace
    ),
    Case(
      testDescription: "zero past the end",
      request: request(.writeZeroes, size - 1, 2),
      error: .noSpace
    ),
    Case(
      testDescription: "offset and length wrap around",
      request: request(.write, .max - 1, 4096),
      error: .noSpace
    ),
    Case(
      testDescription: "read more than a payload",
      request: request(.read, 0, 65537),
      error: .overflow
    ),
    Case(
      testDescription: "write more than a payload",
      request: request(.write, 0, 65537),
      error: .overflow
    ),
    Case(
      testDescription: "flush with a range",
      request: request(.flush, 0, 1),
      error: .invalidArgument
    ),
    Case(
      testDescription: "write to a read-only export",
      request: request(.write, 0, 1),
      export: readOnly,
      error: .notPermitted
    ),
    Case(
      testDescription: "zero a read-only export",
      request: request(.writeZeroes, 0, 1),
      export: readOnly,
      error: .notPermitted
    ),
    Case(
      testDescription: "trim a read-only export, even past its end",
      request: request(.trim, size, 1),
      export: readOnly,
      error: .notPermitted
    ),
  ]

  @Test(arguments: cases)
  func `every rule about requests gives its own answer`(_ example: Case) {
    var error: NBDErrorCode?
    do throws(NBDErrorCode) {
      let session = NBDSession(export: example.export)
      #expect(try example.request.command(in: session).rawValue == example.request.type)
    } catch let thrown {
      error = thrown
    }
    #expect(error == example.error)
  }

  @Test func `a block status needs a context and a range inside`() throws {
    let session = NBDSession(
      export: NBDExportDescription(byteCount: 4096, isReadOnly: true, maximumPayload: 4096),
      usesStructuredReplies: true,
      contexts: [NBDMetaContext(identifier: 1, name: NBDMetaContext.allocation)]
    )
    func ask(_ offset: UInt64, _ length: UInt32) throws(NBDErrorCode) -> NBDCommand {
      try NBDRequest(.blockStatus, flags: .requestOne, cookie: 1, offset: offset, length: length)
        .command(in: session)
    }
    #expect(try ask(0, 4096) == .blockStatus)
    for (offset, length) in [(UInt64(4096), UInt32(1)), (0, 4097), (.max, 1), (0, 0)] {
      #expect(throws: NBDErrorCode.invalidArgument) { try ask(offset, length) }
    }
    let read = NBDRequest(.read, flags: .doNotFragment, cookie: 1, length: 1)
    #expect(try read.command(in: session) == .read)
  }
}
