// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
package import Hypervisor
package import RecoveryModel

extension LibvirtHypervisor {
  package func usage(
    of machines: [VMIdentifier]
  ) async throws(HypervisorError) -> [VMIdentifier: VMUsage] {
    try await run { connection throws(HypervisorError) in
      let hostMHz = connection.processorMHz()
      var found: [VMIdentifier: VMUsage] = [:]
      for vm in machines {
        guard let uuid = connection.identifiers.uuid(of: vm),
          let domain = try connection.domain(uuid: uuid), try domain.isActive
        else { continue }
        found[vm] = domain.usage(hostMHz: hostMHz)
      }
      return found
    }
  }
}

extension LibvirtConnection {
  /// The clock of the host's processors; 0 if it is not known.
  func processorMHz() -> Int {
    var info = virNodeInfo()
    return virNodeGetInfo(pointer, &info) == 0 ? Int(info.mhz) : 0
  }
}

extension LibvirtDomain {
  /// nil if the VM was switched off meanwhile.
  fileprivate func usage(hostMHz: Int) -> VMUsage? {
    var info = virDomainInfo()
    guard virDomainGetInfo(pointer, &info) == 0 else { return nil }
    var usage = VMUsage(
      cpuNanoseconds: info.cpuTime,
      hostMHz: hostMHz,
      activeMemoryInMB: nil,
      consumedMemoryInMB: nil
    )
    // Each statistic is a tag and a value, in KiB for memory (virDomainMemoryStatTags).
    var statistics = [virDomainMemoryStatStruct](
      repeating: virDomainMemoryStatStruct(),
      count: Int(VIR_DOMAIN_MEMORY_STAT_NR.rawValue)
    )
    let count = virDomainMemoryStats(pointer, &statistics, UInt32(statistics.count), 0)
    var values: [UInt32: UInt64] = [:]
    for statistic in statistics.prefix(max(0, Int(count))) {
      values[UInt32(bitPattern: statistic.tag)] = statistic.val
    }
    usage.consumedMemoryInMB = values[VIR_DOMAIN_MEMORY_STAT_RSS.rawValue].map { Int($0 >> 10) }
    if let available = values[VIR_DOMAIN_MEMORY_STAT_AVAILABLE.rawValue],
      let usable = values[VIR_DOMAIN_MEMORY_STAT_USABLE.rawValue]
        ?? values[
          VIR_DOMAIN_MEMORY_STAT_UNUSED.rawValue
        ], usable <= available
    {
      usage.activeMemoryInMB = Int((available - usable) >> 10)
    }
    return usage
  }
}
