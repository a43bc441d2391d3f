// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Lab

/// `understudy lab`.
package struct LabCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract: "Two sites on this machine, to try Understudy with.",
    discussion: """
      The sites, london and paris, each have a libvirtd, an appliance and a manager of their own, \
      in network namespaces. Nothing else on the machine is touched: not its libvirt, not its \
      networks. Needs root.
      """,
    subcommands: [Up.self, DemoCommand.self, Status.self, Down.self]
  )

  package init() {}

  /// Which lab is meant.
  struct Options: ParsableArguments {
    @Option(help: "The start of the lab's names for namespaces.")
    var name = LabSettings.defaultName

    @Option(help: "The lab's folder; removed with it.")
    var folder = LabSettings.defaultFolder

    @Option(help: "Where guest images and packages are kept between labs.")
    var cache = LabSettings.defaultCacheFolder

    func settings() throws -> LabSettings {
      LabSettings(
        name: name,
        folder: folder,
        cacheFolder: cache,
        executable: try UnderstudyCommand.executablePath()
      )
    }
  }

  /// `understudy lab up`.
  package struct Up: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Bring the lab up, or mend it; what runs is left running."
    )

    @OptionGroup var options: Options

    package init() {}

    package func run() async throws {
      let lab = Lab(settings: try options.settings())
      try await lab.up()
      try await lab.status().lines.forEach(ProgressLine.write)
    }
  }

  /// `understudy lab demo`.
  package struct DemoCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      commandName: "demo",
      abstract: "Protect a VM, damage it, bring it back as it was, and prove it.",
      discussion: """
        Makes a fresh lab, removing an earlier one, and leaves it running. The last line is \
        `demo: PASS`, or `demo: FAIL` and why; the exit code is 0 or 1.
        """
    )

    @OptionGroup var options: Options

    package init() {}

    package func run() async throws {
      guard await Demo(settings: try options.settings()).run() else { throw ExitCode.failure }
    }
  }

  /// `understudy lab status`.
  package struct Status: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Show addresses, users, VMs and processes of the lab."
    )

    @OptionGroup var options: Options

    @Flag(help: "As one JSON object.")
    var json = false

    package init() {}

    package func run() async throws {
      let status = try await Lab(settings: try options.settings()).status()
      if json {
        ProgressLine.write(try status.json())
      } else {
        status.lines.forEach(ProgressLine.write)
      }
    }
  }

  /// `understudy lab down`.
  package struct Down: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Stop and remove all of the lab."
    )

    @OptionGroup var options: Options

    package init() {}

    package func run() async throws {
      let settings = try options.settings()
      let wasThere = try await Lab(settings: settings).down()
      ProgressLine.write(
        wasThere ? "the lab is removed" : "there is no lab in \(settings.folder)"
      )
    }
  }
}
