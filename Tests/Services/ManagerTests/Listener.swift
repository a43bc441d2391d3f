// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL

/// A real socket that takes what a manager forwards.
struct Listener {
  let port: Int
  /// What arrived, piece by piece; a whole request at a time where it is HTTP.
  let pieces: AsyncStream<String>
  private let channel: any Channel

  func close() async { try? await channel.close() }

  static func udp() async throws -> Listener {
    let (pieces, continuation) = AsyncStream.makeStream(of: String.self)
    let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Datagrams(continuation))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return Listener(port: channel.localAddress?.port ?? 0, pieces: pieces, channel: channel)
  }

  /// `statuses`: What to answer to one HTTP request after the other; none answers nothing.
  static func tcp(
    port: Int = 0,
    tls: TLSConfiguration? = nil,
    statuses: [Int] = []
  ) async throws -> Listener {
    let (pieces, continuation) = AsyncStream.makeStream(of: String.self)
    let context = try tls.map { try NIOSSLContext(configuration: $0) }
    let answers = Answers(statuses)
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          }
          try channel.pipeline.syncOperations.addHandler(Bytes(continuation, answers))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    return Listener(port: channel.localAddress?.port ?? 0, pieces: pieces, channel: channel)
  }
}

private actor Answers {
  private var statuses: [Int]
  let isHTTP: Bool

  init(_ statuses: [Int]) {
    self.statuses = statuses
    isHTTP = !statuses.isEmpty
  }

  func next() -> Int { statuses.count > 1 ? statuses.removeFirst() : statuses[0] }
}

private final class Datagrams: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  private let pieces: AsyncStream<String>.Continuation

  init(_ pieces: AsyncStream<String>.Continuation) { self.pieces = pieces }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    pieces.yield(String(buffer: unwrapInboundIn(data).data))
  }
}

private final class Bytes: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let pieces: AsyncStream<String>.Continuation
  private let answers: Answers
  private var text = ""

  init(_ pieces: AsyncStream<String>.Continuation, _ answers: Answers) {
    self.pieces = pieces
    self.answers = answers
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let piece = String(buffer: unwrapInboundIn(data))
    guard answers.isHTTP else {
      pieces.yield(piece)
      return
    }
    text += piece
    guard let head = text.firstRange(of: "\r\n\r\n"),
      let length = text.firstMatch(of: /[Cc]ontent-[Ll]ength: (\d+)/).flatMap({ Int($0.1) }),
      text[head.upperBound...].utf8.count >= length
    else { return }
    pieces.yield(text)
    text = ""
    let channel = context.channel
    let answers = answers
    context.eventLoop.makeFutureWithTask {
      let status = await answers.next()
      try await channel.writeAndFlush(
        ByteBuffer(string: "HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\r\n")
      )
    }.whenFailure { _ in channel.close(promise: nil) }
  }
}
