// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
internal import NBDProtocol
internal import Synchronization

/// An NBD server on one unix socket, with many exports told apart by name.
///
/// Each connection has a thread of its own, which blocks: two system calls for a write, no
/// hand-over and no allocation. Clients may go without a word at any time. One that does not get
/// through its handshake in time is cut, and no more than 64 are served at once.
package final class NBDServer: Sendable {
  private struct Connection {
    let socket: UnixSocket
    let thread: BlockingThread
    /// Grows from client to client.
    let number: Int
    /// What the client asked for last.
    var exportName: String?
  }

  private struct State {
    var listener: UnixSocket?
    var accepting: BlockingThread?
    var connections: [Int: Connection] = [:]
    /// Threads at their very end, still to be joined.
    var ended: [BlockingThread] = []
    var nextNumber = 0
  }

  /// Clients at once; a hypervisor needs one for each disk, and tools a few.
  private static let connectionLimit = 64

  private let socketPath: String
  private let mode: UInt32
  private let handshakeSeconds: Int
  private let names: @Sendable () -> [String]?
  private let exports: @Sendable (String) -> (any NBDExport)?
  private let state = Mutex(State())

  /// - Parameters:
  ///   - socketPath: At most 107 bytes; whoever may open it can reach all exports.
  ///   - mode: The permissions of the socket's file.
  ///   - handshakeSeconds: How long a client may keep silent before it has an export.
  ///   - names: What clients that ask for a list are told; nil refuses to tell.
  ///   - exports: Finds an export by name, on the connection's thread.
  /// - Throws: ``NBDTransportError`` if the path is too long for a socket.
  package init(
    socketPath: String,
    mode: UInt32 = 0o600,
    handshakeSeconds: Int = 10,
    names: @escaping @Sendable () -> [String]? = { nil },
    exports: @escaping @Sendable (String) -> (any NBDExport)?
  ) throws {
    guard socketPath.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else {
      throw NBDTransportError.socket(
        operation: "listen on",
        path: socketPath,
        errno: ENAMETOOLONG
      )
    }
    self.socketPath = socketPath
    self.mode = mode
    self.handshakeSeconds = handshakeSeconds
    self.names = names
    self.exports = exports
  }

  /// Takes clients from now on.
  ///
  /// Replaces the socket of a server that died.
  ///
  /// - Throws: ``NBDTransportError`` if the socket cannot be had, for one because another server
  ///   lives there.
  package func start() throws {
    try state.withLock { state in
      precondition(state.listener == nil, "the server runs already")
      let listener = try UnixSocket.listening(at: socketPath, mode: mode)
      do {
        state.accepting = try BlockingThread(name: "nbd-accept") { self.acceptClients(listener) }
      } catch {
        listener.close()
        unlink(socketPath)
        throw error
      }
      state.listener = listener
    }
  }

  /// Takes no more clients, cuts those that are there, waits until their threads have ended and
  /// removes the socket.
  ///
  /// Must not be called by an export. Again has no effect.
  package func stop() {
    let (listener, accepting) = state.withLock { state in
      defer { (state.listener, state.accepting) = (nil, nil) }
      return (state.listener, state.accepting)
    }
    guard let listener else { return }
    listener.shutDown()
    accepting?.join()
    listener.close()
    unlink(socketPath)
    // From here on no connection is added.
    disconnect { _ in true }
    joinEnded()
  }

  /// Cuts the clients of one export and waits until their threads have let go of it.
  ///
  /// Make sure first that the export is not found again. Must not be called by an export.
  package func disconnect(exportName: String) {
    disconnect { $0.exportName == exportName }
  }

  private func disconnect(where isChosen: (Connection) -> Bool) {
    let threads = state.withLock { state in
      state.connections.values.filter(isChosen).map { connection in
        // Under the lock, so the descriptor is not closed, and not reused, meanwhile.
        connection.socket.shutDown()
        return connection.thread
      }
    }
    for thread in threads { thread.join() }
  }
}

// MARK: Threads

extension NBDServer {
  private func acceptClients(_ listener: UnixSocket) {
    while let socket = listener.accept() {
      joinEnded()
      state.withLock { state in
        let number = state.nextNumber
        state.nextNumber += 1
        guard state.connections.count < Self.connectionLimit else { return socket.close() }
        // The thread needs the lock to end, so it is in the table by then.
        do {
          let thread = try BlockingThread(name: "nbd-client") { self.serve(socket, number) }
          state.connections[number] = Connection(
            socket: socket,
            thread: thread,
            number: number
          )
        } catch {
          // No room for a thread: this client is turned away, those that are there go on.
          socket.close()
        }
      }
    }
  }

  /// The life of a connection's thread.
  private func serve(_ socket: UnixSocket, _ number: Int) {
    do throws(NBDTransportError) {
      socket.limitSilence(toSeconds: handshakeSeconds)
      let connection = try NBDConnection.handshake(on: socket, listedNames: names()) { name in
        // Noted before the look-up: whoever removes an export and then cuts its clients misses
        // none.
        state.withLock { $0.connections[number]?.exportName = name }
        return exports(name)
      }
      if var connection {
        socket.limitSilence(toSeconds: 0)
        if connection.isExclusive { cutOlder(than: number) }
        try connection.serve()
      }
    } catch {
      // However a client went, there is nobody to tell; the export learns that it is gone.
    }
    state.withLock { state in
      if let connection = state.connections.removeValue(forKey: number) {
        state.ended.append(connection.thread)
      }
      socket.close()
    }
  }

  /// Cuts the clients of a connection's export that came before it, and waits until they let go.
  private func cutOlder(than number: Int) {
    guard let name = state.withLock({ $0.connections[number]?.exportName }) else { return }
    disconnect { $0.exportName == name && $0.number < number }
  }

  private func joinEnded() {
    let ended = state.withLock { state in
      defer { state.ended = [] }
      return state.ended
    }
    for thread in ended { thread.join() }
  }
}
