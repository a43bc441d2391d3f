// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// A sync under way: what the appliance's sync engine does on its thread, cut into steps between
/// which anything may happen.
final class SimulatedSync {
  static let blockSize = 4096
  static let pieceByteCount = 4 * blockSize
  /// The longest wait for an answer while the link is up, in milliseconds.
  static let answerMilliseconds: Int64 = 60_000

  /// A question for hashes.
  struct Question {
    let identifier: UInt64
    let connection: Int
    let askedAt: Int64
    var hashes: [BlockHash]?
    var isLost = false
  }

  /// A piece of a volume that is being read and compared.
  struct Piece {
    let step: SyncPlan.Step
    let hashes: [BlockHash]
    var phase = Phase.toWatch
    var bytes: [UInt8] = []

    enum Phase {
      case toWatch
      case toRead
      case toReserve(block: Int)
      case toAppend(block: Int)
    }
  }

  /// Nil until the stream says that the sync has begun.
  var generation: UInt64?
  var plan: SyncPlan
  /// By what it goes when maps of changes say what to compare.
  private let isByMaps: Bool
  /// How far each disk, by its number, is compared, if that as a whole.
  var compared: [Int: UInt64] = [:]
  var questions: [Question] = []
  var piece: Piece?
  var isWaitingForLink = false
  /// An attempt failed; the next one begins then.
  var pausedUntil: Int64 = 0

  init(volumeSizes: [Int]) {
    plan = Self.plan(volumeSizes.map { [0..<UInt64($0)] })
    isByMaps = false
  }

  /// A sync of what maps of changes name, which the stream has begun already.
  init(ranges: [[Range<UInt64>]], generation: UInt64) {
    plan = Self.plan(ranges)
    self.generation = generation
    isByMaps = true
  }

  /// Notes how far a sync of whole disks is.
  ///
  /// Maps that a sync goes by cannot be replaced while it reads by them.
  func noteProgress(of numbers: [Int], sizes: [Int]) {
    guard !isByMaps else { return }
    for (place, number) in numbers.enumerated() {
      compared[number] = plan.comparedByteCount(of: place, size: UInt64(sizes[place]))
    }
  }

  /// Begins anew after the stream lost its order.
  func restart(volumeSizes: [Int], at time: Int64) {
    generation = nil
    plan = Self.plan(volumeSizes.map { [0..<UInt64($0)] })
    questions = []
    piece = nil
    isWaitingForLink = false
    pausedUntil = time
  }

  /// The answers that were on their way do not come.
  func linkLost(_ connection: Int) {
    for index in questions.indices
    where questions[index].connection == connection && questions[index].hashes == nil {
      questions[index].isLost = true
    }
  }

  func answered(_ identifier: UInt64, _ hashes: [BlockHash]?) {
    guard let index = questions.firstIndex(where: { $0.identifier == identifier }) else { return }
    questions[index].hashes = hashes
    if hashes == nil { questions[index].isLost = true }
  }

  private static func plan(_ ranges: [[Range<UInt64>]]) -> SyncPlan {
    SyncPlan(ranges: ranges, stepByteCount: pieceByteCount, lookahead: 3)
  }
}

extension BlockHash {
  /// A stand-in for SHA-256 that is good enough for disks that nobody attacks.
  init(simulated block: ArraySlice<UInt8>) {
    let sum = unsafe block.withUnsafeBytes { unsafe payloadChecksum($0) }
    self.init(low: UInt64(sum), high: UInt64(block.count))
  }
}
