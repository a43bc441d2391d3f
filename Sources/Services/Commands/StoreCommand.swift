// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Store

/// `understudy store`.
package struct StoreCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "Work on a manager's store.",
    subcommands: [Copy.self]
  )

  package init() {}

  /// `understudy store copy`.
  package struct Copy: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Copy a store into an empty one, of the same or another kind.",
      discussion: """
        Stop the manager first. A store is written as sqlite:/path/of/file or postgres://… (a \
        password belongs into the file that PGPASSFILE names). Rows are counted on both sides; a \
        copy that fails leaves the target empty.
        """
    )

    @Argument(help: "The store to read.")
    var from: String

    @Argument(help: "The store to fill; it must be empty.")
    var to: String

    package init() {}

    package func run() async throws {
      let composition = Composition.required
      let source = try ManagerStore.openExisting(from, by: composition)
      let target = try ManagerStore.open(to, by: composition)
      for (table, rows) in try await StoreCopy(from: source, to: target).run() {
        print("\(table)\t\(rows)")
      }
      try await target.close()
      try await source.close()
    }
  }
}
