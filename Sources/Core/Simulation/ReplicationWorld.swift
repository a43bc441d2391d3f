// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// One stream in a world where everything fails: links drop, lose and repeat what they carry and
/// deliver late; both appliances crash between any two actions.
///
/// Nothing here sleeps, has threads or reads a clock, so a seed is a whole bug report. After each
/// step the world checks itself: what the sender takes for acknowledged is durable, and the
/// journal holds the first records of the stream, in order, each once.
package struct ReplicationWorld: ~Copyable {
  /// What must never be, and the step at which it was.
  package enum Violation: Error, Hashable {
    case acknowledgedNotDurable(step: Int)
    case notAPrefix(step: Int, position: Int)
    /// After faults ended the journal did not get everything.
    case didNotConverge
  }

  /// Every record of the stream by position, as numbered now.
  ///
  /// A sender that lost its memory numbers anew after what is durable, and what nobody holds any
  /// more was never there.
  private var issued: [Int] = []
  /// Contents of the durable records.
  package private(set) var journal: [Int] = []
  private var sender = SimulatedSender()
  private var links: [Int: LinkBox] = [:]
  private var nextLink = 0
  private var newestLink: Int?
  private var nextContent = 0
  private var step = 0
  private var hasFaults = true
  private var generator: SeededGenerator
  package private(set) var crashCount = 0
  package private(set) var gapCount = 0

  package init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// Runs `count` random steps, then ends all faults and waits for the journal to catch up.
  package mutating func run(steps count: Int) throws(Violation) {
    for _ in 0..<count {
      takeStep()
      try check()
    }
    hasFaults = false
    for _ in 0..<20_000 where !isConverged {
      takeStep()
      try check()
    }
    guard isConverged else { throw .didNotConverge }
  }

  private var isConverged: Bool {
    journal == issued && sender.buffer.isEmpty && sender.isNumbered
  }

  private func check() throws(Violation) {
    if sender.isNumbered, Int(sender.base.rawValue) > journal.count {
      throw .acknowledgedNotDurable(step: step)
    }
    for (position, content) in journal.enumerated()
    where position >= issued.count || issued[position] != content {
      throw .notAPrefix(step: step, position: position)
    }
  }

  private mutating func takeStep() {
    step += 1
    switch Int.random(in: 0..<100, using: &generator) {
    case 0..<15: if hasFaults { guestWrites() }
    case 15..<22: connect()
    case 22..<45: pump()
    case 45..<65: deliverToReceiver()
    case 65..<80: makeDurable()
    case 80..<95: deliverToSender()
    case 95..<97: if hasFaults { dropLink() }
    case 97: if hasFaults, generator.once(in: 3) { crashSender() }
    case 98: if hasFaults, generator.once(in: 3) { crashReceiver() }
    default: forgetOldLink()
    }
  }
}

// MARK: - The sending appliance

extension ReplicationWorld {
  private mutating func guestWrites() {
    sender.write(nextContent)
    if sender.isNumbered { issued.append(nextContent) }
    nextContent += 1
  }

  private mutating func connect() {
    guard sender.link == nil else { return }
    let box = LinkBox(now: 0)
    box.link.toReceiver.append(
      .control(
        .hello(version: ControlMessage.version, stream: StreamIdentifier("simulated"))
      )
    )
    links[nextLink] = box
    sender.link = nextLink
    sender.sending = SendingLink(windowByteCount: 12, now: 0)
    nextLink += 1
  }

  private mutating func pump() {
    guard let number = sender.link, let box = links[number], sender.sending?.canSend == true,
      let position = sender.sending?.position
    else { return }
    let limit = Int.random(in: 1...5, using: &generator)
    let contents = sender.contents(after: position, limit: limit)
    guard !contents.isEmpty else { return }
    let last = SequenceNumber(position.rawValue + UInt64(contents.count))
    sender.sending?.sending(first: position.next, last: last, byteCount: contents.count)
    box.link.toReceiver.append(.data(first: position.next, contents))
  }

  private mutating func deliverToSender() {
    guard let number = sender.link, let box = links[number] else { return }
    guard !box.link.toSender.isEmpty else {
      // The other end is gone and everything it sent has arrived: the connection is over.
      if !box.link.isReceiving { sender.hangUp() }
      return
    }
    let packet = box.link.toSender.removeFirst()
    guard case .control(let message) = packet else { return }
    if case .acknowledge = message, hasFaults, generator.once(in: 6) { return }
    do {
      switch try sender.sending?.received(message) ?? .nothing {
      case .opened(let welcome):
        if !sender.resume(welcome) {
          issued = Array(issued.prefix(Int(welcome.durable.rawValue))) + sender.buffer
        }
        sender.sending?.resume(after: welcome.durable)
      case .acknowledged(let sequence): sender.acknowledged(through: sequence)
      case .send(let reply): box.link.toReceiver.append(.control(reply))
      case .nothing, .hashes: break
      }
    } catch {
      sender.hangUp()
    }
  }

  /// The process dies with its memory; what it sent may still arrive.
  private mutating func crashSender() {
    crashCount += 1
    sender = SimulatedSender()
  }

  private mutating func dropLink() {
    guard sender.link != nil else { return }
    sender.hangUp()
  }
}

extension SimulatedSender {
  /// Drops the link and remembers nothing of it.
  mutating func hangUp() {
    link = nil
    sending = nil
  }
}

// MARK: - The receiving appliance

extension ReplicationWorld {
  private mutating func deliverToReceiver() {
    let waiting = links.keys.sorted().filter {
      links[$0]?.link.isReceiving == true && links[$0]?.link.toReceiver.isEmpty == false
    }
    guard let number = waiting.randomElement(using: &generator), let box = links[number] else {
      return
    }
    let packet = box.link.toReceiver.removeFirst()
    do {
      switch packet {
      case .control(let message): try receive(message, on: number, box)
      case .data(let first, let contents):
        if hasFaults, generator.once(in: 40) { return }  // lost
        try receive(first: first, contents, on: box)
        if hasFaults, generator.once(in: 10) {  // repeated, perhaps together with what follows
          try receive(first: first, contents + box.link.takeNextContents(), on: box)
        }
      }
    } catch {
      if case .gap = error { gapCount += 1 }
      box.end()
    }
  }

  private mutating func receive(
    _ message: ControlMessage,
    on number: Int,
    _ box: LinkBox
  ) throws(ReplicationError) {
    switch try box.link.receiving.received(message) {
    case .open:
      // The newest session wins, and what the older one handed over is forgotten.
      if let newestLink, newestLink != number, let older = links[newestLink] {
        older.link.receiving.fence()
        older.end()
      }
      newestLink = number
      let welcome = StreamWelcome(
        durable: SequenceNumber(UInt64(journal.count)),
        isComplete: true,
        isAccepting: true
      )
      box.send(box.link.receiving.welcome(welcome))
    case .send(let reply): box.link.toSender.append(.control(reply))
    case .nothing, .hash: break
    }
  }

  private func receive(
    first: SequenceNumber,
    _ contents: [Int],
    on box: LinkBox
  ) throws(ReplicationError) {
    let last = SequenceNumber(first.rawValue + UInt64(contents.count) - 1)
    guard let known = try box.link.receiving.received(first: first, last: last, weight: 0) else {
      return
    }
    box.link.pending += contents.dropFirst(known)
  }

  /// Writes some of what the newest session handed over; the power may go before it says so.
  private mutating func makeDurable() {
    guard let newestLink, let box = links[newestLink], !box.link.pending.isEmpty else { return }
    let count = Int.random(in: 1...box.link.pending.count, using: &generator)
    journal += box.link.pending.prefix(count)
    box.link.pending.removeFirst(count)
    if hasFaults, generator.once(in: 30) {
      crashReceiver()
      return
    }
    box.send(
      box.link.receiving.durable(through: SequenceNumber(UInt64(journal.count)))
    )
  }

  private mutating func crashReceiver() {
    crashCount += 1
    for box in links.values { box.end() }
    newestLink = nil
  }

  /// Links that no end knows any more are cleaned away, undelivered packets with them.
  private mutating func forgetOldLink() {
    let old = links.keys.sorted().filter { $0 != sender.link && $0 != newestLink }
    guard let number = old.randomElement(using: &generator) else { return }
    links[number] = nil
  }
}

/// A link that both appliances' tables point to.
private final class LinkBox {
  var link: SimulatedLink

  init(now: Int64) { link = SimulatedLink(now: now) }

  /// The receiving end goes away; what it sent still arrives.
  func end() {
    link.isReceiving = false
    link.pending = []
  }

  func send(_ action: ReceivingLink.Action) {
    guard case .send(let message) = action else { return }
    link.toSender.append(.control(message))
  }
}
