// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a domain's XML says of how much of its host it may take.
///
/// libvirt's processor shares are weights, and no reservation.
struct DomainLimits: Sendable, Equatable {
  /// libvirt's words for no limit are sizes that no machine has.
  private static let noLimitInKiB = 1 << 50
  private static let usualPeriod = 100_000

  /// Processors of the host, all the VM's together; nil without a limit.
  let processors: Double?
  let memoryInMB: Int?
  let reservedMemoryInMB: Int?

  /// `memoryInMB`: All the VM has.
  init(_ domain: XMLTree, cpuCount: Int, memoryInMB whole: Int) {
    let tuning = domain["cputune"]
    processors = [
      Self.share(tuning, "quota", "period").map { $0 * Double(cpuCount) },
      Self.share(tuning, "global_quota", "global_period"),
    ].compactMap(\.self).min()
    memoryInMB = Self.megabytes(domain["memtune"]?["hard_limit"])
    let isLocked = domain["memoryBacking"]?["locked"] != nil
    let guaranteed = Self.megabytes(domain["memtune"]?["min_guarantee"])
    reservedMemoryInMB = isLocked ? whole : guaranteed
  }

  private static func share(_ tuning: XMLTree?, _ quota: String, _ period: String) -> Double? {
    guard let time = Int(tuning?[quota]?.text ?? ""), time > 0 else { return nil }
    let whole = Int(tuning?[period]?.text ?? "") ?? usualPeriod
    return whole > 0 ? Double(time) / Double(whole) : nil
  }

  private static func megabytes(_ size: XMLTree?) -> Int? {
    guard let kibibytes = Int(size?.text ?? ""), kibibytes < noLimitInKiB else { return nil }
    return kibibytes / 1024
  }
}
