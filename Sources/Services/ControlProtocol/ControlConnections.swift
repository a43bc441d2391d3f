// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import Glibc
internal import Identity
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// The kept-alive connections to one control port, all by one TLS configuration.
final class ControlConnections: Sendable {
  private static let connectTimeout = TimeAmount.seconds(2)
  /// Shorter than the server's, so that it is rarely the server that gives a connection up.
  private static let idleTimeout = TimeAmount.seconds(30)

  private let client: HTTPClient
  private let origin: String
  /// The peer and its address, for error texts.
  private let peerName: String

  /// `admission` decides on each new connection, before anything is sent on it.
  init(
    host: String,
    port: Int,
    tls: TLSConfiguration,
    peerName: String,
    admission: (@Sendable (any Channel) -> EventLoopFuture<Void>)? = nil
  ) {
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls,
      redirectConfiguration: .disallow,
      timeout: HTTPClient.Configuration.Timeout(connect: Self.connectTimeout),
      connectionPool: HTTPClient.Configuration.ConnectionPool(idleTimeout: Self.idleTimeout)
    )
    configuration.httpVersion = .http1Only
    configuration.connectionPool.retryConnectionEstablishment = false
    // The client's one hook between the handshake and the first request.
    configuration.http1_1ConnectionDebugInitializer = admission
    origin = "https://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    self.peerName = "\(peerName) at \(host) port \(port)"
    client = HTTPClient(
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
      configuration: configuration
    )
  }

  deinit {
    // The client must outlive its own shutdown.
    client.shutdown { [client] _ in _ = client }
  }

  /// Sends one request and gives the body of its answer.
  ///
  /// A kept connection may turn out to be dead, because the peer was restarted. Requests state
  /// wishes that may be repeated, so such a one is sent once more on a new connection.
  func send(
    _ method: ControlMethod,
    path: String,
    query: [String: String],
    body: [UInt8]?,
    timeout: Duration
  ) async throws(ControlError) -> ByteBuffer {
    var request = HTTPClientRequest(url: origin + Self.pathText(path) + Self.queryText(query))
    request.method = HTTPMethod(rawValue: method.rawValue)
    if let body {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    let deadline = NIODeadline.now() + TimeAmount(timeout)
    do {
      do {
        return try await answer(to: request, deadline: deadline)
      } catch  where Self.meansStaleConnection(error) {
        return try await answer(to: request, deadline: deadline)
      }
    } catch let failure as ControlFailure {
      throw .refused(failure)
    } catch is NIOTooManyBytesError {
      throw .malformed("\(peerName) answered more than \(ControlCoding.bodyLimit) bytes")
    } catch {
      throw .unreachable("\(peerName) \(Self.words(for: error))")
    }
  }

  /// Sends one request and gives the bytes of its answer as they come, within a day.
  func content(
    path: String,
    query: [String: String]
  ) async throws(ControlError) -> ControlContent {
    let request = HTTPClientRequest(url: origin + Self.pathText(path) + Self.queryText(query))
    do {
      let response = try await client.execute(request, deadline: .now() + .hours(24))
      guard response.status.code < 300 else {
        let body = try await response.body.collect(upTo: ControlCoding.bodyLimit)
        throw (try? ControlCoding.decode(ControlFailure.self, from: body))
          ?? ControlFailure(
            status: Int(response.status.code),
            message: "\(peerName) answered HTTP status \(response.status.code)"
          )
      }
      let length = response.headers.first(name: "content-length").flatMap { Int($0) }
      return ControlContent(
        byteCount: length,
        parts: response.body.map { Array($0.readableBytesView) }
      )
    } catch let failure as ControlFailure {
      throw .refused(failure)
    } catch {
      throw .unreachable("\(peerName) \(Self.words(for: error))")
    }
  }

  private func answer(
    to request: HTTPClientRequest,
    deadline: NIODeadline
  ) async throws -> ByteBuffer {
    let response = try await client.execute(request, deadline: deadline)
    let body = try await response.body.collect(upTo: ControlCoding.bodyLimit)
    guard response.status.code < 300 else {
      throw (try? ControlCoding.decode(ControlFailure.self, from: body))
        ?? ControlFailure(
          status: Int(response.status.code),
          message: "\(peerName) answered HTTP status \(response.status.code)"
        )
    }
    return body
  }

  /// Identifiers in a path come from outside and may hold anything.
  private static func pathText(_ path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false)
      .map { PercentEncoding.encode(String($0)) }
      .joined(separator: "/")
  }

  private static func queryText(_ query: [String: String]) -> String {
    guard !query.isEmpty else { return "" }
    return "?"
      + query.sorted { $0.key < $1.key }
      .map { "\(PercentEncoding.encode($0.key))=\(PercentEncoding.encode($0.value))" }
      .joined(separator: "&")
  }

  private static func meansStaleConnection(_ error: any Error) -> Bool {
    switch error {
    case let error as HTTPClientError: error == .remoteConnectionClosed
    case let error as IOError: error.errnoCode == ECONNRESET || error.errnoCode == EPIPE
    case let error as ChannelError: error == .ioOnClosedChannel || error == .inputClosed
    case NIOSSLError.uncleanShutdown: true
    default: false
    }
  }

  private static func words(for error: any Error) -> String {
    switch error {
    case let error as HTTPClientError:
      words(for: error)
    case let error as NIOConnectionError:
      "does not take connections: "
        + (error.connectionErrors.first.map { reason($0.error) } ?? "the name is not known")
    case is UnexpectedPeer:
      "is not who it should be: its certificate names another"
    case NIOSSLError.uncleanShutdown, ChannelError.ioOnClosedChannel, ChannelError.inputClosed,
      ChannelError.eof:
      closed
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
      "and this process do not trust each other (\(error))"
    case is CancellationError:
      "was not waited for"
    default:
      "does not answer: \(reason(error))"
    }
  }

  private static let closed = "closed the connection without an answer"

  /// What the system says of a failed call, without the names of the library's functions.
  private static func reason(_ error: any Error) -> String {
    switch error {
    case let error as IOError: String(cString: strerror(error.errnoCode))
    case ChannelError.connectTimeout: "no answer in time"
    default: "\(error)"
    }
  }

  private static func words(for error: HTTPClientError) -> String {
    switch error {
    case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
      "does not take connections: no answer within \(connectTimeout.nanoseconds / 1_000_000_000) s"
    case .deadlineExceeded:
      "did not answer in time"
    case .remoteConnectionClosed:
      closed
    default:
      "does not answer: \(error.shortDescription)"
    }
  }
}
