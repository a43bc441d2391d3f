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

/// Clients that do not behave, and clients that must not share.
struct NBDServerPeersTests {
  @Test func `a client that does not finish its handshake is cut`() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let export = MemoryExport(noise(4096))
    let server = try NBDServer(socketPath: folder.file("s"), handshakeSeconds: 1) { _ in export }
    try server.start()
    defer { server.stop() }
    // One that says all it must goes on without a limit of time.
    let patient = try RawClient(socketPath: folder.file("s"), exportName: "disk")
    defer { patient.socket.close() }
    let silent = try UnixSocket.connected(to: folder.file("s"), timeoutInSeconds: 20)
    defer { silent.close() }
    _ = try silent.receive(byteCount: 18)
    #expect(throws: NBDTransportError.connectionClosed) { try silent.receive(byteCount: 1) }
    try patient.send(NBDRequest(.flush, cookie: 1))
    #expect(try patient.receiveReply() == NBDSimpleReply(error: nil, cookie: 1))
  }

  @Test func `more clients than a server takes are turned away`() throws {
    try withServer(["disk": MemoryExport(noise(4096))]) { path, _, _ in
      var clients: [RawClient] = []
      defer { for client in clients { client.socket.close() } }
      for _ in 0..<64 { clients.append(try RawClient(socketPath: path, exportName: "disk")) }
      #expect(throws: NBDTransportError.connectionClosed) {
        try RawClient(socketPath: path, exportName: "disk")
      }
      try clients[0].send(NBDRequest(.flush, cookie: 1))
      #expect(try clients[0].receiveReply() == NBDSimpleReply(error: nil, cookie: 1))
    }
  }

  @Test func `where there can be one client, a new one takes the place of the old`() throws {
    let export = MemoryExport(noise(1 << 20), canMultiConnect: false)
    try withServer(["disk": export]) { path, _, _ in
      let old = try RawClient(socketPath: path, exportName: "disk")
      defer { old.socket.close() }
      // In the middle of a write: its room is needed by the next one.
      try old.send(NBDRequest(.write, cookie: 1, length: 100_000), payload: noise(50_000))
      export.prepared.wait()
      let new = try RawClient(socketPath: path, exportName: "disk")
      defer { new.socket.close() }
      try new.send(NBDRequest(.flush, cookie: 2))
      #expect(try new.receiveReply() == NBDSimpleReply(error: nil, cookie: 2))
      #expect(export.counts.abandons == 1)
      #expect(export.counts.closed == 1)
      #expect(throws: NBDTransportError.connectionClosed) { try old.receiveReply() }
    }
  }

  @Test func `a client that never reads its replies keeps nobody else waiting`() throws {
    let lazy = MemoryExport(noise(4 << 20))
    let other = MemoryExport(noise(4096))
    try withServer(["lazy": lazy, "other": other]) { path, _, _ in
      let client = try RawClient(socketPath: path, exportName: "lazy")
      defer { client.socket.close() }
      // Far more than the socket holds, but no more than the server's one buffer is ever waiting.
      for cookie in UInt64(0)..<64 {
        try client.send(NBDRequest(.read, cookie: cookie, length: 4 << 20))
      }
      let busy = try RawClient(socketPath: path, exportName: "other")
      defer { busy.socket.close() }
      for cookie in UInt64(0)..<1000 {
        try busy.send(NBDRequest(.write, cookie: cookie, length: 4), payload: [1, 2, 3, 4])
        #expect(try busy.receiveReply() == NBDSimpleReply(error: nil, cookie: cookie))
      }
      #expect(lazy.counts.reads < 64)
    }
  }

  @Test func `replies do not wait for a payload that does not come`() throws {
    try withServer(["disk": MemoryExport(noise(1 << 20))]) { path, _, _ in
      let client = try RawClient(socketPath: path, exportName: "disk")
      defer { client.socket.close() }
      let first = RawClient.encode(NBDRequest(.write, cookie: 1, length: 4)) + [1, 2, 3, 4]
      let second = RawClient.encode(NBDRequest(.write, cookie: 2, length: 50_000))
      for _ in 0..<50 {
        try client.socket.send(first + second)
        #expect(try client.receiveReply() == NBDSimpleReply(error: nil, cookie: 1))
        try client.socket.send(noise(50_000))
        #expect(try client.receiveReply() == NBDSimpleReply(error: nil, cookie: 2))
      }
    }
  }
}
