// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
package import RecoveryModel
internal import Store

/// Which VMs of this site run, as the hypervisor last said.
///
/// What a peer asks once a second, and what a listing shows, is answered by this: a hypervisor that
/// is slow must not make the site look dead.
package actor KnownPowers {
  /// An answer that is older says nothing.
  private static let longestAge = Duration.seconds(10)

  private struct Answer {
    var isRunning: Bool
    var at: ContinuousClock.Instant
  }

  private var answers: [VMIdentifier: Answer] = [:]

  package init() {}

  /// Whether each VM runs of which that is known.
  package func all() -> [VMIdentifier: Bool] {
    let now = ContinuousClock.now
    return answers.filter { now - $0.value.at < Self.longestAge }.mapValues(\.isRunning)
  }

  /// Takes what the hypervisor said when it was asked at `asked`, nil if it has no such VM; later
  /// answers stay.
  func note(_ vm: VMIdentifier, _ found: VirtualMachine?, asked: ContinuousClock.Instant) {
    if let known = answers[vm], known.at > asked { return }
    answers[vm] = found.map { Answer(isRunning: $0.power != .off, at: asked) }
  }

  func keepOnly(_ vms: Set<VMIdentifier>) { answers = answers.filter { vms.contains($0.key) } }
}

/// Asks the hypervisor once a second about the VMs of which somebody wants to know.
///
/// They are few: those of VPGs that are being recovered or were, and those whose taps were closed.
struct PowerWatch: Sendable {
  private static let interval = Duration.seconds(1)

  let context: SiteContext
  let finder: SplitBrainFinder

  /// Runs until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      await look()
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  private func look() async {
    let wanted = await wanted()
    await context.powers.keepOnly(wanted)
    for vm in wanted.sorted() {
      let asked = ContinuousClock.now
      // A hypervisor that does not answer says nothing; what it said before counts for a while.
      do {
        let found = try await context.hypervisor.virtualMachine(vm)
        await context.powers.note(vm, found, asked: asked)
      } catch { continue }
    }
  }

  private func wanted() async -> Set<VMIdentifier> {
    let records = await context.vpgs.all()
    var wanted = Set(
      context.restingCandidates(of: records, in: await context.appliances.sightings)
        .map(\.identifier)
    )
    for record in records { wanted.formUnion(await finder.machines(record).values) }
    return wanted
  }
}
