// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOSSL
internal import RecoveryModel
internal import ReplicationProtocol

/// One end of a link, as its channel sees it.
///
/// Called on the channel's event loop.
protocol LinkEnd: AnyObject, Sendable {
  func connected(_ channel: any Channel)
  /// Some bytes came, perhaps not yet a whole frame.
  func heard()
  func received(_ frame: Frame) throws(ReplicationError)
  /// More waits to be sent than the peer may leave unread, or no longer.
  func isCongested(_ isCongested: Bool) throws(ReplicationError)
  /// Whether more frames are taken now; once they are not, ``ReadOn`` says when they are.
  var mayRead: Bool { get }
  /// A quarter of a second passed.
  func tick() throws(ReplicationError)
  /// Called once. `error` is why, if this end knows.
  func disconnected(_ error: (any Error)?)
}

/// Triggered on a link's channel once its end takes frames again.
struct ReadOn: Sendable {}

/// Turns a channel's bytes into frames for a link's end, and time into ticks.
///
/// While the end takes no frames, nothing is read: the peer's next bytes wait in the network.
final class LinkHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What may wait here while nothing is read, in bytes: far more than the channel reads at once.
  private static let waitingByteCount = 1 << 20

  private let end: any LinkEnd
  private var reader: FrameReader
  private var ticking: RepeatedTask?
  private var failure: (any Error)?
  private var isOver = false
  /// What was read and belongs to frames that were not taken yet.
  private var waiting = ByteBuffer()
  /// Whether the channel would like to read.
  private var isReadWanted = false

  /// `batches` is where the batches come from that the end is given.
  init(_ end: any LinkEnd, batches: BatchPool) {
    self.end = end
    reader = FrameReader(batches: batches)
  }

  func channelActive(context: ChannelHandlerContext) {
    end.connected(context.channel)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    ticking = context.eventLoop.scheduleRepeatedTask(
      initialDelay: .milliseconds(250),
      delay: .milliseconds(250)
    ) { _ in
      let (handler, context) = bound.value
      do throws(ReplicationError) { try handler.end.tick() } catch { handler.fail(error, context) }
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard failure == nil else { return }
    end.heard()
    var bytes = unwrapInboundIn(data)
    if waiting.readableBytes == 0 { waiting = bytes } else { waiting.writeBuffer(&bytes) }
    takeFrames(context)
    // Only what a peer sent before it closed the link is read without having been asked for.
    if waiting.readableBytes > Self.waitingByteCount { context.close(promise: nil) }
  }

  private func takeFrames(_ context: ChannelHandlerContext) {
    // Out of the property, so that the bytes are not copied on being read.
    var bytes = waiting
    waiting = ByteBuffer()
    do throws(ReplicationError) {
      while end.mayRead, let frame = try reader.next(from: &bytes) { try end.received(frame) }
    } catch {
      return fail(error, context)
    }
    if bytes.readableBytes > 0 { waiting = bytes }
  }

  func read(context: ChannelHandlerContext) {
    isReadWanted = !end.mayRead
    if !isReadWanted { context.read() }
  }

  func triggerUserOutboundEvent(
    context: ChannelHandlerContext,
    event: Any,
    promise: EventLoopPromise<Void>?
  ) {
    guard event is ReadOn else {
      return context.triggerUserOutboundEvent(event, promise: promise)
    }
    promise?.succeed()
    guard failure == nil, !isOver else { return }
    takeFrames(context)
    if isReadWanted { read(context: context) }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    do throws(ReplicationError) {
      try end.isCongested(!context.channel.isWritable)
    } catch {
      fail(error, context)
    }
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if failure == nil { failure = error }
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { finish() }

  func handlerRemoved(context: ChannelHandlerContext) { finish() }

  /// Tells the peer why, if it was the peer's doing, and ends the link.
  private func fail(_ error: ReplicationError, _ context: ChannelHandlerContext) {
    guard failure == nil else { return }
    failure = error
    switch error {
    case .refused, .silence:
      context.close(promise: nil)
    default:
      let code: RefusalCode =
        if case .unsupportedVersion = error { .unsupportedVersion } else { .protocolError }
      context.channel.end(with: code, error.description)
    }
  }

  private func finish() {
    guard !isOver else { return }
    isOver = true
    ticking?.cancel()
    end.disconnected(failure)
  }
}

/// What to count the end of a link as, whatever ended it; nil if nobody did anything wrong.
func refusalCause(of error: any Error) -> LinkRefusal.Cause? {
  if let error = error as? ReplicationError { return error.refusalCause }
  if let error = error as? NIOSSLError, case .handshakeFailed = error { return .certificate }
  // An alert: in TLS 1.3 that is how the other side says that it does not take our certificate.
  return error is BoringSSLError ? .certificate : nil
}

extension Channel {
  /// Sends a control frame.
  ///
  /// What cannot be sent any more is dropped: the link is over then.
  func send(_ message: ControlMessage) {
    writeAndFlush(ByteBuffer(bytes: message.encoded()), promise: nil)
  }

  /// Sends the reason and closes, within a second even if the peer does not read.
  func end(with code: RefusalCode, _ text: String) {
    let bytes = ByteBuffer(bytes: ControlMessage.refuse(code, text).encoded())
    writeAndFlush(bytes).whenComplete { _ in self.close(promise: nil) }
    eventLoop.scheduleTask(in: .seconds(1)) { self.close(promise: nil) }
  }
}
