// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The story of `understudy lab demo`: a VM is protected, damaged, and brought back as it was.
///
/// What is asked of Understudy is asked through the REST API alone. The guests are looked at from
/// outside: by their web server and their agent.
package struct Demo: Sendable {
  let lab: Lab
  let progress: DemoProgress

  package init(settings: LabSettings) {
    let progress = DemoProgress()
    self.progress = progress
    lab = Lab(settings: settings) { progress.detail($0) }
  }

  /// Tells the story, and leaves the lab running.
  ///
  /// - Returns: Whether everything was as it has to be. The last line says so.
  package func run() async -> Bool {
    do {
      progress.chapter("A lab of two sites on this machine")
      if try await lab.down() { progress.detail("an earlier lab was removed") }
      try await lab.up()
      var story = try await DemoStory(lab: lab, progress: progress)
      let outcome: (any Error)?
      do {
        try await story.tell()
        outcome = nil
      } catch {
        outcome = error
      }
      await story.close()
      progress.plain("")
      story.figures.table.forEach { progress.plain("  " + $0) }
      try await explainLab()
      if let outcome { throw outcome }
      progress.plain("demo: PASS")
      return true
    } catch {
      progress.plain("demo: FAIL \(error)")
      return false
    }
  }

  private func explainLab() async throws {
    let status = try await lab.status()
    progress.plain("")
    progress.plain("The lab goes on running:")
    for site in status.sites {
      progress.plain("  \(site.name)  \(site.url)  user \(site.user)  password \(site.password)")
    }
    guard let site = status.sites.last else { return }
    let curl = "curl --cacert \(site.caFile)"
    let host = site.url
    progress.plain("Try it:")
    progress.plain("  S=$(\(curl) -s -D - -o /dev/null -u \(site.user):\(site.password) \\")
    progress.plain("    -X POST \(host)/session/add \\")
    progress.plain("    | awk 'tolower($1)==\"x-zerto-session:\"{print $2}' | tr -d '\\r')")
    progress.plain("  \(curl) -H \"x-zerto-session: $S\" \(host)/vpgs")
    progress.plain("  \(curl) -H \"x-zerto-session: $S\" \(host)/virtualizationsites")
    progress.plain(
      "All there is in it: understudy lab status.  Stop and remove it: understudy lab down"
    )
    progress.plain("")
  }
}
