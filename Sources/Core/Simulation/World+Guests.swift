// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

// The guests and their hypervisor: a write goes to the source disk, then to the tap, and is
// acknowledged when the tap has taken it. Without a tap it is acknowledged at once.
extension ReplicationWorld {
  /// The process that taps a VM; nil while it is down.
  func process(_ vm: SimulatedVM) -> SendingProcess? { senders[vm.sender].processes[vm.index] }

  /// A sending appliance's wall clock.
  func wall(_ vm: SimulatedVM) -> WallTime {
    WallTime(milliseconds: 1_700_000_000_000 + now + senders[vm.sender].clockOffset)
  }

  /// The guest writes; never to what another write of it is under way to.
  func issue(_ vm: SimulatedVM) {
    guard hasWrites, vm.underWay.count < 6 else { return }
    guard let volume = vm.present.randomElement(using: &generator) else { return }
    let size = vm.volumeSizes[volume]
    let isAligned = generator.once(in: 2)
    var count = Int.random(in: 1...(generator.once(in: 8) ? 9000 : 2500), using: &generator)
    var offset = Int.random(in: 0...(size - min(count, size)), using: &generator)
    if isAligned {
      offset -= offset % 512
      count = (count + 511) / 512 * 512
    }
    count = min(count, size - offset)
    let range = offset..<offset + count
    guard !vm.underWay.contains(where: { $0.volume == volume && $0.range.overlaps(range) }) else {
      return
    }
    nextWrite += 1
    event += 1
    let write = GuestWrite(
      number: nextWrite,
      volume: volume,
      offset: offset,
      count: count,
      bytes: generator.once(in: 6) ? nil : pattern(count),
      tap: vm.taps[volume],
      issued: event
    )
    note("vm\(vm.index) issues \(nextWrite): volume \(volume) \(range)")
    write.apply(to: &vm.source[volume])
    vm.maps[volume].note(range)
    if let process = process(vm), process.place(of: volume) == process.numbers.endIndex {
      // A disk nobody protects yet: what is written to it is owed to nobody.
      return write.apply(to: &vm.owed[volume])
    }
    vm.writes.append(write)
    if write.tap == nil { goAlone(vm, write) } else { vm.underWay.append(write) }
  }

  private func pattern(_ count: Int) -> [UInt8] {
    if generator.once(in: 10) { return [UInt8](repeating: 0, count: count) }
    let word = generator.next() | 1
    return (0..<count).map {
      UInt8(truncatingIfNeeded: (word >> (8 * UInt64($0 & 7))) ^ UInt64($0))
    }
  }

  /// A write is acknowledged that the tap did not take: the hypervisor goes on without it.
  private func goAlone(_ vm: SimulatedVM, _ write: GuestWrite) {
    event += 1
    if write.taken == nil {
      write.apply(to: &vm.owed[write.volume])
      write.taken = event
      write.takenAt = now
      vm.missing.append(write)
    }
    write.acknowledged = event
    vm.underWay.removeAll { $0 === write }
  }

  /// The connections of taps are gone, and what was under way through them goes on alone.
  func loseTaps(_ vm: SimulatedVM, where isLost: (GuestWrite) -> Bool) {
    for write in vm.underWay where isLost(write) {
      if let process = process(vm), case .received = write.phase, let tap = write.tap {
        process.outgoing.abandon(volume: process.place(of: write.volume), owner: tap)
      }
      goAlone(vm, write)
    }
  }

  /// One step of one write at its tap.
  func tap(_ vm: SimulatedVM) throws(Violation) {
    let waiting = vm.underWay.filter { $0.taken == nil }
    guard let process = process(vm), let write = waiting.randomElement(using: &generator),
      let owner = write.tap
    else { return }
    switch write.phase {
    case .onSource:
      // A connection's thread serves one request at a time.
      let isBusy = waiting.contains {
        if case .received = $0.phase { $0.tap == owner } else { false }
      }
      if !isBusy { receive(write, owner, process) }
    case .received(let checksum): try take(vm, write, checksum, owner, process)
    case .taken: break
    }
  }

  private func receive(_ write: GuestWrite, _ owner: UInt64, _ process: SendingProcess) {
    guard let bytes = write.bytes else {
      write.phase = .received(checksum: nil)
      return
    }
    guard
      let room = unsafe process.outgoing.reserve(
        volume: process.place(of: write.volume),
        count: write.count,
        owner: owner
      )
    else {
      write.phase = .received(checksum: nil)
      return
    }
    unsafe room.copyBytes(from: bytes)
    write.phase = .received(checksum: unsafe payloadChecksum(UnsafeRawBufferPointer(room)))
  }

  private func take(
    _ vm: SimulatedVM,
    _ write: GuestWrite,
    _ checksum: UInt32?,
    _ owner: UInt64,
    _ process: SendingProcess
  ) throws(Violation) {
    let last = process.outgoing.last
    let mode = process.outgoing.mode
    let isNewest =
      write.bytes == nil
      ? process.outgoing.commitZeroes(
        volume: process.place(of: write.volume),
        offset: UInt64(write.offset),
        count: UInt32(write.count),
        owner: owner,
        now: wall(vm)
      )
      : process.outgoing.commitWrite(
        volume: process.place(of: write.volume),
        offset: UInt64(write.offset),
        count: write.count,
        checksum: checksum,
        owner: owner,
        now: wall(vm)
      )
    if mode != .dropping, process.outgoing.mode == .dropping { counts.overflows += 1 }
    guard isNewest else {
      // The hypervisor is told that its connection is over.
      if vm.taps[write.volume] == owner { vm.taps[write.volume] = nil }
      return loseTaps(vm) { $0.tap == owner }
    }
    event += 1
    write.taken = event
    write.takenAt = now
    write.phase = .taken
    write.apply(to: &vm.owed[write.volume])
    if process.outgoing.last > last { write.sequence = process.outgoing.last.rawValue }
    vm.missing.append(write)
    note("vm\(vm.index) takes \(write.number) as \(write.sequence.map(String.init) ?? "nothing")")
    log(vm, process)
    if generator.once(in: 20) { try snapshot(vm, process) }
  }

  /// A client writes to one VM and, once that is acknowledged, to another one.
  func writeDependently() throws(Violation) {
    guard let first = vms.randomElement(using: &generator),
      let second = vms.filter({ $0.group == first.group && $0 !== first })
        .randomElement(using: &generator),
      let write = try writeAtOnce(first)
    else { return }
    try acknowledgeGuest(first)
    if write.acknowledged != nil { _ = try writeAtOnce(second) }
  }

  /// A write that goes through its tap in one step; nil if the guest writes none.
  private func writeAtOnce(_ vm: SimulatedVM) throws(Violation) -> GuestWrite? {
    let count = vm.writes.count
    issue(vm)
    guard vm.writes.count > count, let write = vm.writes.last else { return nil }
    for _ in 0..<40 where write.taken == nil && process(vm) != nil { try tap(vm) }
    return write
  }

  /// The replies to writes that were taken reach the guest, but for those a hold keeps back.
  func acknowledgeGuest(_ vm: SimulatedVM) throws(Violation) {
    for write in vm.underWay where write.taken != nil {
      if try isHeldBack(write, vm) { continue }
      event += 1
      write.acknowledged = event
    }
    vm.underWay.removeAll { $0.acknowledged != nil }
  }
}
