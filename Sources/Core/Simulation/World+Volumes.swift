// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

// Disks of VMs come, grow and go, and their streams follow: what ProtectedHalf, StreamKeeper and
// JournalKeeper do about it.
extension ReplicationWorld {
  /// A VM gets another disk, which is not empty, or one of its disks grows or is taken away.
  func changeVolumes(_ vm: SimulatedVM) {
    guard let volume = vm.present.randomElement(using: &generator) else { return }
    switch Int.random(in: 0..<3, using: &generator) {
    case 0 where vm.volumeCount < SimulatedVM.volumeLimit:
      addVolume(vm)
    case 1 where vm.present.count > 1:
      closeTap(of: volume, vm)
      note("vm\(vm.index): volume \(volume) is taken away")
      (vm.source[volume], vm.owed[volume], vm.volumeSizes[volume]) = ([], [], 0)
      vm.maps[volume].clear()
      vm.missing.removeAll { $0.volume == volume }
    default:
      // The hypervisor grows no disk that has a tap.
      closeTap(of: volume, vm)
      let added = randomBytes(512 * Int.random(in: 1...24, using: &generator))
      vm.source[volume] += added
      vm.owed[volume] += added
      vm.volumeSizes[volume] += added.count
      note("vm\(vm.index): volume \(volume) grows to \(vm.volumeSizes[volume])")
    }
    counts.volumeChanges += 1
  }

  private func addVolume(_ vm: SimulatedVM) {
    let content = randomBytes(512 * Int.random(in: 1...40, using: &generator))
    vm.source[vm.volumeCount] = content
    vm.owed[vm.volumeCount] = content
    vm.volumeSizes[vm.volumeCount] = content.count
    note("vm\(vm.index): volume \(vm.volumeCount) is new, of \(content.count) bytes")
    vm.volumeCount += 1
  }

  func closeTap(of volume: Int, _ vm: SimulatedVM) {
    loseTaps(vm) { $0.volume == volume }
    guard let process = process(vm), let owner = vm.taps[volume] else { return }
    vm.taps[volume] = nil
    let place = process.place(of: volume)
    process.outgoing.tapClosed(volume: place, owner: owner, now: wall(vm))
  }

  private func randomBytes(_ count: Int) -> [UInt8] {
    let word = generator.next()
    return (0..<count).map { UInt8(truncatingIfNeeded: word >> UInt64($0 & 31)) }
  }

  /// Has a stream follow its VM: the recovery site makes replicas first, then the stream is made
  /// anew.
  ///
  /// - Returns: Whether the process is over.
  func follow(_ vm: SimulatedVM, _ process: SendingProcess) throws(Violation) -> Bool {
    let keeper = keepers[vm.index]
    let sizes = Array(vm.volumeSizes[..<vm.volumeCount])
    guard sizes != process.volumeSizes, keeper.journal?.state.isPromoted == false,
      keeper.promotion == nil
    else { return false }
    let isProvided: Void? = try working(keeper) { () throws(JournalError) in
      try keeper.provide(sizes, on: receiver(keeper).disk)
    }
    guard isProvided != nil else { return false }
    note("vm\(vm.index): its stream is made anew")
    hangUp(vm, process, "the stream is made anew")
    vm.taps = vm.taps.map { _ in nil }
    loseTaps(vm) { _ in true }
    senders[vm.sender].processes[vm.index] = nil
    vm.manager = SimulatedManager()
    return true
  }
}
