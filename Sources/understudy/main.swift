// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Commands
internal import Hypervisor
internal import LibvirtHypervisor
internal import PostgresStore
internal import SQLiteStore

// The one place that names the implementations behind the protocols.
let composition = Composition(
  hypervisor: { uris, group, allowsKVM, logger in
    let events = EventHub()
    let hosts = uris.map {
      LibvirtHypervisor(uri: $0, group: group, events: events, logger: logger, allowsKVM: allowsKVM)
    }
    return hosts.count == 1 ? hosts[0] : HostGroup(hosts, at: uris, events: events)
  },
  sqliteStore: { try SQLiteStore(path: $0) },
  postgresStore: { try PostgresStore(location: $0) }
)

await Composition.$current.withValue(composition) { await UnderstudyCommand.main() }
