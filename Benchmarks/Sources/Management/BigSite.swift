// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Identity
import RecoveryModel
import SQLiteStore
import Store

/// What a manager of 10,000 VMs has in its store: 2,000 VPGs of four other sites that are recovered
/// at this one, and the events of a year.
///
/// It is made through the store's own interface, before the manager starts.
struct BigSite {
  static let identifier = SiteIdentifier("22222222-0000-4000-8000-000000000002")
  static let user = (name: "bench", password: "bench")
  static let vpgCount = 2000
  static let vmsPerVPG = 5

  /// The sites whose VMs are protected; nobody answers for them.
  let peers: [SiteIdentifier]
  let vpgs: [VPGDefinition]

  /// Fills a new store at `path`.
  ///
  /// `eventCount`: How many events the year had.
  init(path: String, eventCount: Int, stage: Stage) async throws {
    let peers = (1...4).map { SiteIdentifier("11111111-0000-4000-8000-00000000000\($0)") }
    self.peers = peers
    vpgs = (0..<Self.vpgCount).map { Self.vpg($0, of: peers[$0 % peers.count]) }
    let store = try SQLiteStore(path: path)
    for (number, peer) in peers.enumerated() {
      let name = "Office \(number + 1)"
      let authority = try SiteAuthority.loadOrCreate(
        in: stage.path("authority-\(number)"),
        site: peer,
        name: name
      )
      try await store.save(
        PeerRecord(
          site: peer,
          name: name,
          location: "",
          version: "0.1.0",
          host: "127.0.0.1",
          port: try Machine.freePort(),
          authority: authority.certificatePEM,
          pairedAt: Self.time(0)
        )
      )
    }
    try await store.save(
      UserRecord(name: Self.user.name, passwordHash: try PasswordHash.make(Self.user.password))
    )
    try await store.save(RoleRecord(subject: Self.user.name, role: "administrator"))
    for vpg in vpgs { try await store.save(VPGRecord(definition: vpg)) }
    try await saveEvents(eventCount, in: store)
    try await store.close()
  }

  /// A moment of the last year, 0...1.
  private static func time(_ part: Double) -> WallTime {
    let year = 365 * 86_400_000.0
    return WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000 - year * (1 - part)))
  }

  private static func vpg(_ number: Int, of site: SiteIdentifier) -> VPGDefinition {
    var vpg = VPGDefinition(
      identifier: VPGIdentifier(guid(number, kind: "a")),
      name: "Group \(number)",
      description: "Application \(number / 3) of the benchmark",
      protectedSite: site,
      recoverySite: identifier
    )
    vpg.vms = (0..<vmsPerVPG).map { place in
      let vm = number * vmsPerVPG + place
      return VPGDefinition.ProtectedVM(
        identifier: VMIdentifier("\(site).vm-\(guid(vm, kind: "b"))"),
        name: "vm-\(vm)",
        stream: StreamIdentifier(guid(vm, kind: "c")),
        nics: [VPGDefinition.ProtectedNIC(identifier: NICIdentifier("Network adapter 1"))],
        volumes: (0..<2).map {
          VPGDefinition.ProtectedVolume(
            identifier: VolumeIdentifier("scsi:0:\($0)"),
            number: $0,
            target: "vd\($0 == 0 ? "a" : "b")",
            byteCount: 40 << 30
          )
        },
        hardware: VMHardware(
          memoryInMB: 4096,
          cpuCount: 2,
          architecture: "x86_64",
          machine: "q35",
          hasGuestAgent: true,
          macAddresses: ["52:54:00:00:00:01"]
        )
      )
    }
    return vpg
  }

  private static func guid(_ number: Int, kind: String) -> String {
    let text = String(number, radix: 16)
    return "\(kind)0000000-0000-4000-8000-" + String(repeating: "0", count: 12 - text.count) + text
  }

  private func saveEvents(_ count: Int, in store: SQLiteStore) async throws {
    for start in stride(from: 0, to: count, by: 10_000) {
      let part = (start..<min(start + 10_000, count)).map { number in
        let vpg = vpgs[number % vpgs.count]
        return EventRecord(
          identifier: Self.guid(number, kind: "e"),
          kind: .unknown,
          occurred: Self.time(Double(number) / Double(count)),
          description: "The VPG \(vpg.name) ended its sync: delta sync.",
          succeeded: true,
          userName: "System",
          vpgs: [vpg.identifier],
          site: Self.identifier
        )
      }
      try await store.save(part)
    }
  }
}
