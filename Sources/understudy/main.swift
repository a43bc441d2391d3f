// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Commands
internal import LibvirtHypervisor
internal import PostgresStore
internal import SQLiteStore

// The one place that names the implementations behind the protocols.
let composition = Composition(
  hypervisor: { LibvirtHypervisor(uri: $0, logger: $2, allowsKVM: $1) },
  sqliteStore: { try SQLiteStore(path: $0) },
  postgresStore: { try PostgresStore(location: $0) }
)

await Composition.$current.withValue(composition) { await UnderstudyCommand.main() }
