// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A lab's network: a namespace per site, a link from the machine to each, one between the two.
struct SiteNetwork {
  let sites: [LabSite]

  /// Makes what is missing.
  func up() async throws {
    for site in sites where !Self.exists(site) {
      try await Program.run(["ip", "netns", "add", site.namespace])
    }
    for site in sites {
      try await Program.run(["ip", "-n", site.namespace, "link", "set", "dev", "lo", "up"])
      try await connectMachine(to: site)
    }
    try await connectSites()
  }

  /// Removes the namespaces; their links go with them.
  func down() async throws {
    for site in sites {
      if try await Self.hasLink(site.outsideLink) {
        try await Program.run(["ip", "link", "delete", "dev", site.outsideLink])
      }
      if Self.exists(site) { try await Program.run(["ip", "netns", "delete", site.namespace]) }
    }
  }

  /// Whether there is a namespace of the site's name.
  static func exists(_ site: LabSite) -> Bool {
    FileManager.default.fileExists(atPath: "/run/netns/\(site.namespace)")
  }

  /// The processes in a site's namespace.
  static func processes(in site: LabSite) async throws -> [Int32] {
    guard exists(site) else { return [] }
    return try await Program.run(["ip", "netns", "pids", site.namespace])
      .split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
  }

  /// The first third byte of `10.213.<slot>.0/24` that nothing on this machine uses.
  static func freeSlot() async throws -> Int {
    let taken =
      try await Program.run(["ip", "-4", "address"])
      + Program.run(["ip", "-4", "route", "show", "table", "all"])
    guard let slot = (0..<100).first(where: { !taken.contains("10.213.\($0).") }) else {
      throw LabError("no free network for the lab between 10.213.0.0 and 10.213.99.0")
    }
    return slot
  }

  private func connectMachine(to site: LabSite) async throws {
    guard try await !Self.hasLink(site.outsideLink) else { return }
    try await Program.run([
      "ip", "link", "add", "dev", site.outsideLink, "type", "veth",
      "peer", "name", "host0", "netns", site.namespace,
    ])
    try await Program.run([
      "ip", "address", "add", "\(site.outsideAddress)/30", "dev", site.outsideLink,
    ])
    try await Program.run(["ip", "link", "set", "dev", site.outsideLink, "up"])
    try await Self.configure("host0", address: site.address, in: site)
  }

  private func connectSites() async throws {
    let (first, second) = (sites[0], sites[1])
    guard try await !Self.hasLink("peer0", in: first) else { return }
    try await Program.run([
      "ip", "-n", first.namespace, "link", "add", "dev", "peer0", "type", "veth",
      "peer", "name", "peer0", "netns", second.namespace,
    ])
    for site in sites { try await Self.configure("peer0", address: site.peerAddress, in: site) }
    // Each site is known to the other by the address that the machine knows it by, too.
    for (site, other) in [(first, second), (second, first)] {
      try await Program.run([
        "ip", "-n", site.namespace, "route", "replace", other.address, "via", other.peerAddress,
      ])
    }
  }

  private static func configure(_ link: String, address: String, in site: LabSite) async throws {
    let ip = ["ip", "-n", site.namespace]
    try await Program.run(ip + ["address", "add", "\(address)/30", "dev", link])
    try await Program.run(ip + ["link", "set", "dev", link, "up"])
  }

  private static func hasLink(_ name: String, in site: LabSite? = nil) async throws -> Bool {
    let namespace = site.map { ["-n", $0.namespace] } ?? []
    return try await Program.attempt(["ip"] + namespace + ["link", "show", "dev", name]).succeeded
  }
}
