// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NBDProtocol

/// The longest message a peer may make us wait for in a handshake.
private let handshakeByteLimit = 64 << 10

func fuzzNBDServer(_ input: inout FuzzInput) {
  let export = NBDExportDescription(
    byteCount: 1 << 20,
    isReadOnly: input.number(UInt8.self) & 1 == 1,
    maximumPayload: 64 << 10,
    tellsAllocation: true
  )
  var machine = NBDServerHandshake(listedNames: ["a", "disk"])
  var step = machine.begin()
  while true {
    precondition(step.reply.count <= handshakeByteLimit, "a reply grows with the request")
    switch step.next {
    case .receive(let byteCount):
      precondition((1...handshakeByteLimit).contains(byteCount), "no bound on what is awaited")
      guard let bytes = input.take(byteCount) else { return }
      step = machine.received(bytes)
    case .lookUp(let name):
      step = machine.found(["", "disk"].contains(name) ? export : nil)
    case .transmit(let session):
      precondition(session.export == export, "an export that was not looked up")
      return fuzzRequests(&input, in: session)
    case .close:
      return
    }
  }
}

private func fuzzRequests(_ input: inout FuzzInput, in session: NBDSession) {
  while let bytes = input.take(NBDRequest.encodedByteCount) {
    guard let request = bytes.withUnsafeBytes({ NBDRequest(decoding: $0.bytes) }) else { return }
    var again = bytes
    again.withUnsafeMutableBytes { buffer in
      var bytes = buffer.mutableBytes
      request.encode(into: &bytes)
    }
    precondition(again == bytes, "a request changes when it is encoded again")
    do throws(NBDErrorCode) {
      let command = try request.command(in: session)
      check(command, request, session.export)
      if command == .disconnect { return }
    } catch {}
    _ = input.takeUp(to: request.payloadByteCount)
  }
}

/// What the export relies on in a request that was granted.
private func check(
  _ command: NBDCommand,
  _ request: NBDRequest,
  _ export: NBDExportDescription
) {
  switch command {
  case .read, .write:
    precondition(request.length <= export.maximumPayload, "more payload than there is room for")
    precondition(request.offset <= export.byteCount - UInt64(request.length), "past the end")
  case .trim, .writeZeroes:
    let (end, wraps) = request.offset.addingReportingOverflow(UInt64(request.length))
    precondition(!wraps && end <= export.byteCount, "past the end")
  case .flush, .disconnect, .blockStatus:
    break
  }
  switch command {
  case .write, .trim, .writeZeroes: precondition(!export.isReadOnly, "a write to what is not")
  case .read, .flush, .disconnect, .blockStatus: break
  }
}

func fuzzNBDClient(_ input: inout FuzzInput) {
  let wantsStatus = input.number(UInt8.self) & 1 == 1
  var machine = NBDClientHandshake(
    exportName: "disk",
    contexts: wantsStatus ? [NBDMetaContext.allocation] : []
  )
  var step = machine.begin()
  while true {
    precondition(step.message.count <= handshakeByteLimit, "a message grows with the reply")
    switch step.next {
    case .receive(let byteCount):
      precondition((1...handshakeByteLimit).contains(byteCount), "no bound on what is awaited")
      guard let bytes = input.take(byteCount) else { return }
      step = machine.received(bytes)
    case .transmit(let session):
      let export = session.export
      precondition(export.minimumBlockSize.nonzeroBitCount == 1, "blocks of no size")
      precondition(export.maximumPayload >= export.minimumBlockSize, "no block fits a request")
      precondition(session.contexts.count <= (wantsStatus ? 1 : 0), "not what was asked for")
      return fuzzReplies(&input, isStructured: session.usesStructuredReplies)
    case .close:
      return
    }
  }
}

/// Three requests, whose replies are the input's.
private func fuzzReplies(_ input: inout FuzzInput, isStructured: Bool) {
  var reader = NBDReplyReader(isStructured: isStructured)
  let readByteCount = 4096
  // Which bytes of the read's buffer came.
  var filled = [Bool](repeating: false, count: readByteCount)
  reader.expect(NBDRequest(.read, cookie: 1, offset: 512, length: UInt32(readByteCount)))
  reader.expect(NBDRequest(.blockStatus, cookie: 2, offset: 0, length: 1 << 20))
  reader.expect(NBDRequest(.flush, cookie: 3))
  while reader.expectedCount > 0 {
    switch reader.next() {
    case .receive(let byteCount):
      precondition((1...(1 << 20)).contains(byteCount), "no bound on what is awaited")
      guard let bytes = input.take(byteCount) else { return }
      reader.received(bytes)
    case .fill(let cookie, let range), .zero(let cookie, let range):
      precondition(cookie == 1 && !range.isEmpty, "only one request has a buffer")
      for index in range {
        precondition(!filled[index], "a byte comes twice")
        filled[index] = true
      }
      // The payload itself is of no interest.
      guard input.takeUp(to: range.count).count > 0 else { return }
    case .extents(let cookie, _, let extents):
      precondition(cookie == 2 && extents.allSatisfy { $0.count > 0 }, "extents of nothing")
    case .finished(let cookie, let error):
      precondition((1...3).contains(cookie), "a reply to nothing")
      precondition(
        cookie != 1 || error != nil || filled.allSatisfy(\.self),
        "a read ends without all of its bytes"
      )
    case .broken:
      return
    }
  }
}
