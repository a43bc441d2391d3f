// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol
internal import Synchronization

/// Several protected VMs, the appliances that send and receive their streams, and a manager that
/// makes checkpoints, in a world where everything fails.
///
/// Nothing here sleeps, has threads or reads a clock, so a seed is a whole bug report. The guests,
/// the hypervisor, the network and the disks are simulated; what is between them is the product's
/// own code. docs/simulation.md says what is checked.
package final class ReplicationWorld {
  var generator: SeededGenerator
  let vms: [SimulatedVM]
  let senders: [SendingAppliance]
  let receivers: [ReceivingAppliance]
  let keepers: [SimulatedKeeper]
  let settings: StreamJournal.Settings
  /// Numbers for segments that never come twice.
  let salts: @Sendable () -> UInt64
  /// Whether wall clocks jump in this world.
  let hasClockJumps: Bool
  /// Whether faults begin when everything is in order.
  let beginsInOrder: Bool
  /// Whether syncs go by maps of changes where these are enough.
  let hasMaps: Bool
  /// How many times a fault that could be is not.
  let faultPause: Int
  /// Milliseconds of a clock that everybody's steady clock follows.
  var now: Int64 = 0
  /// Counts what happens, so that "before" means the same to everybody.
  var event = 0
  var step = 0
  /// Whether faults still happen; at the end they stop, and everything must come right.
  var hasFaults = true
  /// Whether guests write.
  var hasWrites = true
  var lastCheckpoint: UInt64 = 0
  var nextConnection = 0
  var nextWrite = 0
  var nextProcess = 0
  package internal(set) var counts = Counts()
  var rounds: [SimulatedRound] = []
  var trace: Trace

  /// How often what a run is about has happened.
  package struct Counts: Hashable, Sendable {
    package var crashes = 0
    package var powerCuts = 0
    package var gaps = 0
    package var overflows = 0
    package var syncs = 0
    package var checkpoints = 0
    package var comparisons = 0
    package var folds = 0
    package var holds = 0
    package var promotions = 0
    package var storageFailures = 0
    package var reconnects = 0
    package var groupCheckpoints = 0
    package var rounds = 0
    package var volumeChanges = 0
    /// Syncs by maps of whole disks, and those that went on where one was interrupted.
    package var mapSyncs = 0
    package var resumedSyncs = 0
    package var mapsDropped = 0

    package init() {}

    package mutating func add(_ other: Counts) {
      crashes += other.crashes
      powerCuts += other.powerCuts
      gaps += other.gaps
      overflows += other.overflows
      syncs += other.syncs
      checkpoints += other.checkpoints
      comparisons += other.comparisons
      folds += other.folds
      holds += other.holds
      promotions += other.promotions
      storageFailures += other.storageFailures
      reconnects += other.reconnects
      groupCheckpoints += other.groupCheckpoints
      rounds += other.rounds
      volumeChanges += other.volumeChanges
      mapSyncs += other.mapSyncs
      resumedSyncs += other.resumedSyncs
      mapsDropped += other.mapsDropped
    }
  }

  /// Makes the world of a seed; `isTraced` keeps what happens last, in words.
  package init(seed: UInt64, isTraced: Bool = false) {
    var generator = SeededGenerator(seed: seed)
    trace = Trace(isOn: isTraced)
    let senderCount = Int.random(in: 1...2, using: &generator)
    let receiverCount = Int.random(in: 1...2, using: &generator)
    let groupCount = generator.once(in: 4) ? 2 : 1
    vms = (0..<Int.random(in: 1...3, using: &generator)).map { index in
      var sizes = [generator.once(in: 2) ? 73_728 : 20_480]
      if generator.once(in: 2) { sizes.append(9000) }
      return SimulatedVM(
        index: index,
        volumeSizes: sizes,
        group: Int.random(in: 0..<groupCount, using: &generator),
        sender: Int.random(in: 0..<senderCount, using: &generator),
        receiver: Int.random(in: 0..<receiverCount, using: &generator)
      )
    }
    let vmCount = vms.count
    senders = (0..<senderCount).map { _ in SendingAppliance(vmCount: vmCount) }
    receivers = (0..<receiverCount).map { _ in
      ReceivingAppliance(disk: FaultyDisk(seed: generator.next()))
    }
    keepers = vms.map { SimulatedKeeper(vm: $0) }
    hasClockJumps = generator.once(in: 2)
    beginsInOrder = !generator.once(in: 4)
    hasMaps = generator.once(in: 2)
    faultPause = [1, 4, 12][Int.random(in: 0..<3, using: &generator)]
    settings = StreamJournal.Settings(
      historySeconds: Int.random(in: 3...30, using: &generator),
      hardLimitByteCount: UInt64.random(in: 150_000...600_000, using: &generator),
      segmentByteCount: generator.once(in: 2) ? 32_768 : 65_536
    )
    let salts = Mutex(SeededGenerator(seed: seed &+ 77))
    self.salts = { salts.withLock { $0.next() } }
    self.generator = generator
  }

  /// Runs `count` steps, then ends all faults and waits for everything to come right.
  package func run(steps count: Int) throws(Violation) {
    for keeper in keepers { try open(keeper) }
    if beginsInOrder { try beginInOrder() }
    for _ in 0..<count { try takeStep() }
    try comeRight()
  }

  /// A world that has run for a while already.
  private func beginInOrder() throws(Violation) {
    hasFaults = false
    for vm in vms { for _ in 0..<5 { issue(vm) } }
    try settle()
    hasFaults = true
  }

  func fail(_ text: String) -> Violation { Violation(step: step, text: text) }

  /// One step: some time passes, and one thing happens.
  func takeStep() throws(Violation) {
    step += 1
    // A round takes milliseconds, while writes and links take tens of them.
    let most: Int64 = rounds.isEmpty ? 20 : 4
    now += generator.once(in: 200) ? 1500 : Int64.random(in: 0...most, using: &generator)
    if step.isMultiple(of: 16) {
      try tickLinks()
      endFaults()
      failPower()
    }
    if generator.once(in: 3) { try stepRounds() }
    if !rounds.isEmpty, generator.once(in: 4) { try writeDependently() }
    let vm = vms[Int.random(in: 0..<vms.count, using: &generator)]
    switch Int.random(in: 0..<100, using: &generator) {
    case 0..<14: issue(vm)
    case 14..<34: try tap(vm)
    case 34..<38: try acknowledgeGuest(vm)
    case 38..<46: try pump(vm)
    case 46..<60: try deliverToReceiver(vm)
    case 60..<72: try write(keepers[vm.index])
    case 72..<82: try deliverToSender(vm)
    case 82..<90: try sync(vm)
    case 90..<92: try mark(vm.group)
    case 92, 96: try keepUp(vm)
    case 93: try maintain(keepers[vm.index])
    case 94: try look(keepers[vm.index])
    case 95: try export(keepers[vm.index])
    default: if hasFaults { try fault(vm) }
    }
    if hasMaps, generator.once(in: 3) { try rotate(vm) }
    try checkAge(vm)
  }
}
