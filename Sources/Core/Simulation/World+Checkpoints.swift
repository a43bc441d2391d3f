// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

// The manager's checkpoints of a VPG.
extension ReplicationWorld {
  /// Marks a checkpoint in all streams of a VPG.
  func mark(_ group: Int) throws(Violation) {
    let members = vms.filter { $0.group == group }
    let processes = members.compactMap { process($0) }
    guard !members.isEmpty else { return }
    lastCheckpoint += 1
    let checkpoint = Checkpoint(
      identifier: CheckpointIdentifier(lastCheckpoint),
      time: wall(members[0]),
      tag: generator.once(in: 3) ? "tag \(lastCheckpoint)" : "",
      isQuiesced: lastCheckpoint.isMultiple(of: 2)
    )
    let isOnOne = Set(members.map(\.sender)).count == 1
    guard isOnOne, generator.once(in: 2) else { return beginRound(group, checkpoint) }
    // The manager knows that these VMs run.
    guard !processes.contains(where: { $0.outgoing.isAtRest }) else { return }
    // One appliance: a mark under the locks of all streams.
    guard processes.count == members.count else { return }
    let tag = Array(checkpoint.tag.utf8)
    for (index, process) in processes.enumerated() {
      guard process.outgoing.prepareMark(tag) != nil else { continue }
      for prepared in processes[..<index] { prepared.outgoing.abandonMark() }
      return
    }
    for (vm, process) in zip(members, processes) where process.outgoing.mode != .ordered {
      throw fail("vm\(vm.index) takes a mark while it is not in order")
    }
    counts.checkpoints += 1
    for (vm, process) in zip(members, processes) {
      process.outgoing.appendMark(checkpoint, tag)
      log(vm, process)
      note("vm\(vm.index): checkpoint \(lastCheckpoint) is \(process.outgoing.last.rawValue)")
      try snapshot(vm, process, checkpoint: checkpoint)
    }
  }
}
