// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

// What a manager does about syncs by maps of changes: StreamKeeper, and the hypervisor for it.
extension ReplicationWorld {
  /// The rotation's times are long beside a world's life: its clock is faster.
  private static let clockRate: Int64 = 40

  private var managerClock: Duration { .milliseconds(now * Self.clockRate) }

  // MARK: Syncs

  /// Starts a sync that a stream needs, a step or all of it at a time.
  func startSync(_ vm: SimulatedVM, _ process: SendingProcess) {
    vm.manager.seen = nil
    repeat {
      guard let start = vm.manager.start else {
        guard process.outgoing.hasAllTaps else { return }
        vm.manager.start = begin(vm, process)
        if vm.manager.start == nil { return }
        continue
      }
      switch start {
      case .whole(let number):
        give(vm, process, number, SimulatedSync(volumeSizes: process.presentSizes))
      case .byMaps(let closing): closeNext(closing, vm, process)
      }
    } while vm.manager.start != nil && !generator.once(in: 8)
  }

  /// What there was to know is of no more use: all is compared.
  private func beginWhole(
    _ vm: SimulatedVM,
    _ process: SendingProcess
  ) -> SimulatedManager.Start? {
    guard process.numbers.allSatisfy({ vm.volumeSizes[$0] > 0 }) else { return nil }
    for number in process.numbers { vm.maps[number].restart(size: vm.volumeSizes[number]) }
    return .whole(process: process.number)
  }

  /// The stream keeps all writes before the maps are closed; nil if it must wait.
  private func begin(_ vm: SimulatedVM, _ process: SendingProcess) -> SimulatedManager.Start? {
    guard !generator.once(in: 10) else { return beginWhole(vm, process) }
    let maps = process.numbers.map { vm.maps[$0].maps }
    let covering = maps.filter { ChangeMap.cover($0) }
    guard let floor = covering.compactMap({ $0.first?.floor }).max(),
      process.outgoing.canUseChanges(since: floor)
    else { return beginWhole(vm, process) }
    let isWhole = zip(maps, process.presentSizes).allSatisfy { maps, size in
      !ChangeMap.cover(maps) || maps.allSatisfy { $0.byteCount >= UInt64(size) }
    }
    let acknowledged = process.outgoing.acknowledged
    guard
      let generation = try? process.outgoing.beginSync(usingChanges: isWhole, now: wall(vm))
    else { return nil }
    counts.syncs += 1
    if isWhole { counts.mapSyncs += 1 } else { counts.resumedSyncs += 1 }
    log(vm, process)
    note("vm\(vm.index): a sync by maps begins with \(process.outgoing.last.rawValue)")
    return .byMaps(
      SimulatedManager.Closing(
        process: process.number,
        generation: generation,
        floor: acknowledged
      )
    )
  }

  private func closeNext(
    _ closing: SimulatedManager.Closing,
    _ vm: SimulatedVM,
    _ process: SendingProcess
  ) {
    var closing = closing
    guard closing.process == process.number else { return vm.manager.start = nil }
    guard closing.ranges.count < process.numbers.count else {
      return give(
        vm,
        process,
        closing.process,
        SimulatedSync(ranges: closing.ranges, generation: closing.generation)
      )
    }
    let number = process.numbers[closing.ranges.count]
    guard vm.volumeSizes[number] > 0 else { return vm.manager.start = nil }
    let size = process.volumeSizes[number]
    closing.ranges.append(
      vm.maps[number].close(floor: closing.floor, size: size) ?? [0..<UInt64(size)]
    )
    vm.manager.start = .byMaps(closing)
  }

  /// The appliance takes a sync, if it is still the one that was asked for it.
  private func give(
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ number: Int,
    _ sync: SimulatedSync
  ) {
    vm.manager.start = nil
    guard number == process.number, process.outgoing.hasAllTaps, !process.outgoing.isPaused,
      sync.generation.map({ $0 == process.outgoing.generation }) ?? true
    else { return }
    process.sync = sync
    vm.manager.rotation = ChangeMapRotation()
    vm.manager.begun = nil
  }

  // MARK: Rotation

  /// Looks at a stream, or does what follows from the last look.
  func rotate(_ vm: SimulatedVM) throws(Violation) {
    guard let process = process(vm), vm.manager.start == nil else { return }
    if let seen = vm.manager.seen {
      vm.manager.seen = nil
      return act(on: seen, vm, process)
    }
    let time = managerClock
    if let begun = vm.manager.begun, time - begun.at >= ChangeMapRotation.settling {
      try handOn(vm, issuedThrough: begun.event)
    }
    let compared = process.sync?.compared ?? [:]
    let isCurrent = process.sync?.generation == process.outgoing.generation
    vm.manager.seen = SimulatedManager.Seen(
      facts: ChangeMapRotation.Facts(
        order: .init(incarnation: "\(process.number)", generation: process.outgoing.generation),
        isOrdered: process.outgoing.mode == .ordered,
        isComparing: isCurrent && !compared.isEmpty,
        last: process.outgoing.last,
        acknowledged: process.outgoing.acknowledged,
        writeCount: process.outgoing.writeCount
      ),
      compared: isCurrent ? compared : [:],
      at: time
    )
  }

  /// What the disks had a while ago has reached the taps, or their connections are over: a
  /// hypervisor hands writes on within seconds, and a silent appliance is replaced.
  private func handOn(_ vm: SimulatedVM, issuedThrough event: Int) throws(Violation) {
    func late() -> GuestWrite? { vm.untaken.first { $0.issued <= event } }
    for _ in 0..<200 where late() != nil { try tap(vm) }
    while let write = late() {
      closeTap(of: write.volume, vm)
      loseTaps(vm) { $0 === write }
    }
  }

  private func act(
    on seen: SimulatedManager.Seen,
    _ vm: SimulatedVM,
    _ process: SendingProcess
  ) {
    guard let action = vm.manager.rotation.action(for: seen.facts, at: seen.at) else { return }
    for number in process.numbers {
      guard vm.volumeSizes[number] > 0 else {
        return vm.manager.rotation.failed(for: seen.facts, at: managerClock)
      }
      switch action {
      case .begin:
        vm.maps[number].beginNewer(
          floor: seen.facts.acknowledged,
          known: seen.facts.isOrdered ? nil : seen.compared[number],
          size: vm.volumeSizes[number]
        )
      case .finish: vm.maps[number].dropOlder()
      }
      if hasFaults, generator.once(in: 30) { return restartManager(vm) }
    }
    note("vm\(vm.index): maps of changes: \(action)")
    if action == .begin { vm.manager.begun = (managerClock, event) }
    if action == .finish { counts.mapsDropped += 1 }
    vm.manager.rotation.carriedOut(action, for: seen.facts, at: managerClock)
  }

  // MARK: Faults

  func restartManager(_ vm: SimulatedVM) {
    note("vm\(vm.index): its manager starts again")
    vm.manager = SimulatedManager()
  }

  /// The VM's process ends and another one begins: taps and maps are gone.
  func restartVM(_ vm: SimulatedVM) {
    note("vm\(vm.index) is restarted")
    for volume in vm.present {
      closeTap(of: volume, vm)
      vm.maps[volume].clear()
    }
    loseTaps(vm) { _ in true }
  }

  /// The recovery site loses a journal and its replicas, and makes new ones.
  func loseCopy(_ keeper: SimulatedKeeper) {
    guard keeper.promotion == nil else { return }
    let vm = keeper.vm
    note("vm\(vm.index)'s journal and replicas are lost")
    for connection in vm.connections { connection.isReceiverThere = false }
    keeper.die()
    keeper.exports = []
    receiver(keeper).disk.wipe(["journal\(vm.index)/", "replica\(vm.index)/"])
    vm.toldDurable = 0
    vm.model.forgetBase()
  }
}
