// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

// VMs of a VPG go into a VPG of their own, with their streams: journals, replicas and points in
// time are the streams', and stay what they are.

extension VPGDefinition {
  /// The definition with some of its VMs alone, and that of a new VPG with the others.
  ///
  /// `replicas` says where the replicas of those are, by stream and by the volume's number: a path
  /// that follows from the VPG's identifier would be another one from now on.
  package func parting(
    keeping streams: Set<StreamIdentifier>,
    others identifier: VPGIdentifier,
    named name: String,
    replicas: [StreamIdentifier: [Int: String]]
  ) -> (kept: VPGDefinition, left: VPGDefinition) {
    var (kept, left) = (self, self)
    kept.generation += 1
    kept.vms = vms.filter { streams.contains($0.stream) }
    (left.identifier, left.generation, left.name) = (identifier, 1, name)
    left.vms = vms.filter { !streams.contains($0.stream) }.map { vm in
      var vm = vm
      let paths = replicas[vm.stream] ?? [:]
      for index in vm.volumes.indices {
        vm.volumes[index].replicaPath = paths[vm.volumes[index].number]
      }
      for index in vm.formerVolumes.indices {
        vm.formerVolumes[index].replicaPath = paths[vm.formerVolumes[index].number]
      }
      return vm
    }
    return (kept, left)
  }

  /// What a VPG is called that takes VMs out of one called `name`; `taken` are names of others.
  package static func nameOfRemainder(of name: String, taken: [String]) -> String {
    let taken = Set(taken.map { $0.lowercased() })
    // As long as a VPG's name may be.
    let plain = name.prefix(180)
    var result = "\(plain) (remaining)"
    var count = 1
    while taken.contains(result.lowercased()) {
      count += 1
      result = "\(plain) (remaining \(count))"
    }
    return result
  }

  /// Those of `others` that VMs went to which `newer`, a later definition of this VPG, has no more.
  ///
  /// Empty if it lost none, or those it lost are protected no more.
  package func remainders(
    of newer: VPGDefinition,
    among others: [VPGDefinition]
  ) -> [VPGDefinition] {
    let gone = Set(streams).subtracting(newer.streams)
    guard !gone.isEmpty else { return [] }
    return others.filter { other in
      other.identifier != identifier && !other.vms.isEmpty
        && other.protectedSite == protectedSite && other.recoverySite == recoverySite
        && gone.isSuperset(of: other.streams)
    }
  }
}
