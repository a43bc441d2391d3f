// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import Testing

@testable import NBDTransport

struct NBDServerTests {
  @Test func `requests sent at once are answered in order`() throws {
    let export = MemoryExport(noise(65536))
    try withServer(["disk": export]) { path, _, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      var message: [UInt8] = []
      for cookie in UInt64(0)..<1000 {
        message += RawClient.encode(
          NBDRequest(.write, cookie: cookie, offset: cookie % 16 * 4096, length: 100)
        )
        message += [UInt8](repeating: UInt8(truncatingIfNeeded: cookie), count: 100)
      }
      try client.socket.send(message)
      for cookie in UInt64(0)..<1000 {
        #expect(try client.receiveReply() == NBDSimpleReply(error: nil, cookie: cookie))
      }
      #expect(export.counts.commits == 1000)
      #expect(export.bytes[4096] == UInt8(truncatingIfNeeded: 993))
    }
  }

  @Test func `a request that comes byte by byte is understood`() throws {
    let export = MemoryExport([UInt8](repeating: 0, count: 4096))
    try withServer(["disk": export]) { path, _, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      let request = NBDRequest(.write, cookie: 5, offset: 10, length: 3)
      for byte in RawClient.encode(request) + [7, 8, 9] { try client.socket.send([byte]) }
      #expect(try client.receiveReply() == NBDSimpleReply(error: nil, cookie: 5))
      #expect(Array(export.bytes[9..<14]) == [0, 7, 8, 9, 0])
    }
  }

  @Test func `a refused write's payload is skipped and the connection goes on`() throws {
    let content = noise(1 << 20)
    let export = MemoryExport(content, maximumPayload: 65536)
    try withServer(["disk": export]) { path, _, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      let payload = [UInt8](repeating: 0xff, count: 200_000)
      try client.send(NBDRequest(.write, cookie: 1, length: 200_000), payload: payload)
      #expect(try client.receiveReply() == NBDSimpleReply(error: .overflow, cookie: 1))
      try client.send(
        NBDRequest(.write, cookie: 2, offset: 1 << 20, length: 10),
        payload: Array(payload.prefix(10))
      )
      #expect(try client.receiveReply() == NBDSimpleReply(error: .noSpace, cookie: 2))
      try client.send(NBDRequest(.read, cookie: 3, length: 16))
      #expect(try client.receiveReply() == NBDSimpleReply(error: nil, cookie: 3))
      #expect(try client.socket.receive(byteCount: 16) == Array(content.prefix(16)))
      #expect(export.counts.commits == 0)
    }
  }

  @Test func `the export's error reaches the client, without a payload`() throws {
    let export = MemoryExport(noise(4096), commitError: .noSpace)
    try withServer(["disk": export]) { path, _, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      try client.send(
        NBDRequest(.write, flags: .forcedUnitAccess, cookie: 1, length: 1),
        payload: [1]
      )
      #expect(try client.receiveReply() == NBDSimpleReply(error: .noSpace, cookie: 1))
      #expect(export.counts.flushes == 0)
    }
  }

  @Test func `forced unit access is a flush before the reply`() throws {
    let export = MemoryExport(noise(4096))
    try withServer(["disk": export]) { path, _, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      for (cookie, command) in [NBDCommand.trim, .writeZeroes, .flush].enumerated() {
        let length: UInt32 = command == .flush ? 0 : 512
        try client.send(
          NBDRequest(
            command,
            flags: .forcedUnitAccess,
            cookie: UInt64(cookie),
            length: length
          )
        )
        #expect(try client.receiveReply() == NBDSimpleReply(error: nil, cookie: UInt64(cookie)))
        #expect(export.counts.flushes == cookie + 1)
      }
    }
  }

  @Test func `a request for nothing succeeds without the export`() throws {
    let export = MemoryExport(noise(4096))
    try withServer(["disk": export]) { path, _, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      for command in [NBDCommand.read, .write, .trim, .writeZeroes] {
        try client.send(NBDRequest(command, cookie: 1, offset: 4096, length: 0))
        #expect(try client.receiveReply() == NBDSimpleReply(error: nil, cookie: 1))
      }
      #expect(export.counts == .init(opened: 1))
    }
  }

  @Test func `a client that dies inside a payload leaves no write behind`() throws {
    let export = MemoryExport(noise(1 << 20))
    try withServer(["disk": export]) { path, server, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      try client.send(
        NBDRequest(.write, cookie: 1, length: 100_000),
        payload: noise(50_000)
      )
      client.socket.close()
      server.stop()
    }
    #expect(export.counts.commits == 0)
    #expect(export.counts.opened == 1)
    #expect(export.counts.closed == 1)
  }

  @Test func `a payload that never comes is abandoned when the server stops`() throws {
    let export = MemoryExport(noise(1 << 20))
    try withServer(["disk": export]) { path, server, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      try client.send(NBDRequest(.write, cookie: 1, length: 1), payload: [1])
      _ = try client.receiveReply()
      try client.send(NBDRequest(.write, cookie: 2, length: 100_000), payload: noise(50_000))
      export.prepared.wait()
      export.prepared.wait()
      server.stop()
    }
    #expect(export.counts.commits == 1)
    #expect(export.counts.abandons == 1)
  }

  @Test func `stop does not wait for a client that reads nothing`() throws {
    let export = MemoryExport(noise(4 << 20))
    try withServer(["disk": export]) { path, server, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      for cookie in UInt64(0)..<4 {
        try client.send(NBDRequest(.read, cookie: cookie, length: 4 << 20))
      }
      server.stop()
    }
    #expect(export.counts.closed == 1)
  }

  @Test func `stop removes the socket and can be called again, start serves anew`() throws {
    let export = MemoryExport(noise(4096))
    try withServer(["disk": export]) { path, server, _ in
      server.stop()
      server.stop()
      #expect(!FileManager.default.fileExists(atPath: path))
      try server.start()
      #expect(try NBDClient(socketPath: path, exportName: "disk").byteCount == 4096)
    }
  }

  @Test func `what does not speak NBD is cut off and harms nobody`() throws {
    let export = MemoryExport(noise(4096))
    try withServer(["disk": export]) { path, _, _ in
      let stranger = try UnixSocket.connected(to: path, timeoutInSeconds: 20)
      defer { stranger.close() }
      _ = try stranger.receive(byteCount: 18)
      try stranger.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
      #expect(throws: NBDTransportError.connectionClosed) { try stranger.receive(byteCount: 1) }

      let confused = try RawClient(socketPath: path, exportName: "disk")
      defer { confused.socket.close() }
      try confused.socket.send([UInt8](repeating: 1, count: 28))
      #expect(throws: NBDTransportError.connectionClosed) { try confused.receiveReply() }
      #expect(try NBDClient(socketPath: path, exportName: "disk").byteCount == 4096)
    }
  }

  @Test func `disconnecting one export lets go of it and leaves the others`() throws {
    let first = MemoryExport(noise(4096))
    let second = MemoryExport(noise(8192))
    try withServer(["first": first, "second": second]) { path, server, _ in
      let cut = try RawClient(socketPath: path, exportName: "first")
      defer { cut.socket.close() }
      let kept = try RawClient(socketPath: path, exportName: "second")
      defer { kept.socket.close() }
      // An answered request says that the server is past the handshake.
      for client in [cut, kept] {
        try client.send(NBDRequest(.flush, cookie: 1))
        _ = try client.receiveReply()
      }
      server.disconnect(exportName: "first")
      #expect(first.counts.closed == 1)
      #expect(throws: NBDTransportError.connectionClosed) { try cut.receiveReply() }
      try kept.send(NBDRequest(.flush, cookie: 2))
      #expect(try kept.receiveReply() == NBDSimpleReply(error: nil, cookie: 2))
    }
  }
}

struct NBDServerSocketTests {
  @Test func `the socket a dead server left is replaced`() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = folder.file("s")
    try UnixSocket.listening(at: path, mode: 0o600).close()
    #expect(FileManager.default.fileExists(atPath: path))
    let server = try NBDServer(socketPath: path) { _ in MemoryExport(noise(4096)) }
    try server.start()
    defer { server.stop() }
    #expect(try NBDClient(socketPath: path, exportName: "").byteCount == 4096)
  }

  @Test func `the socket of a live server is left alone`() throws {
    try withServer(["disk": MemoryExport(noise(4096))]) { path, _, _ in
      let second = try NBDServer(socketPath: path) { _ in nil }
      #expect(throws: NBDTransportError.alreadyServed(path: path)) { try second.start() }
      #expect(try NBDClient(socketPath: path, exportName: "disk").byteCount == 4096)
    }
  }

  @Test func `a file that is no socket is left alone`() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = folder.file("s")
    try folder.makeFile("s", [1, 2, 3])
    let server = try NBDServer(socketPath: path) { _ in nil }
    #expect(throws: NBDTransportError.notASocket(path: path)) { try server.start() }
    #expect(FileManager.default.contents(atPath: path) == Data([1, 2, 3]))
  }

  @Test func `a path too long for a socket is refused in words`() throws {
    let path = "/tmp/" + String(repeating: "x", count: 120)
    let error = #expect(throws: NBDTransportError.self) {
      try NBDServer(socketPath: path) { _ in nil }
    }
    #expect(error?.description == "cannot listen on \(path): File name too long")
  }

  @Test func `the socket's file has the mode asked for, whatever the umask`() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let server = try NBDServer(socketPath: folder.file("s"), mode: 0o666) { _ in nil }
    try server.start()
    defer { server.stop() }
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("s"))
    #expect(attributes[.posixPermissions] as? Int == 0o666)
  }
}
