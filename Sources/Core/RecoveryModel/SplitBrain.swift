// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A VPG whose sites contradict each other: both act for it, so that each has what the other has
/// not, or each leaves it to the other.
///
/// It comes of a protected site that was cut off while its VMs were recovered at the other one, or
/// of a manager whose store was put back to an older day. Nothing decides it by itself: whichever
/// site is given up loses what its VMs wrote.
package struct SplitBrain: Sendable, Equatable {
  /// How it shows.
  package enum Cause: Sendable, Equatable {
    /// These protected VMs run, and so do those that were recovered in their place.
    case bothRun([VMIdentifier])
    /// Each site holds itself for the protected one.
    case bothProtect
    /// Each site holds the other one for the protected one; it is this one by what is newer.
    case neitherProtects(SiteIdentifier)
    /// It was decided: the recovered VMs are being given up, and that has not ended.
    case isBeingResolved
  }

  /// What one site says of a VPG.
  package struct Half: Sendable, Equatable {
    package var site: SiteIdentifier
    package var protectedSite: SiteIdentifier
    package var generation: Int
    /// Whether it protects, moves or recovers; not if the VPG is done with, or not yet made.
    package var isActing: Bool
    /// While the VPG is being recovered or was: the protected VMs of which one runs at this site.
    package var running: Set<VMIdentifier>

    /// Whether it is giving up what was recovered, for the protected VMs.
    package var isGivingUp: Bool

    package init(
      site: SiteIdentifier,
      protectedSite: SiteIdentifier,
      generation: Int,
      isActing: Bool,
      running: Set<VMIdentifier>,
      isGivingUp: Bool = false
    ) {
      self.site = site
      self.protectedSite = protectedSite
      self.generation = generation
      self.isActing = isActing
      self.running = running
      self.isGivingUp = isGivingUp
    }
  }

  package var cause: Cause
  /// The names of the VMs it is about.
  package var vms: [String]
  /// The checkpoint from which the recovered VMs went on; nil if nobody knows it.
  package var parted: Checkpoint?
  /// What keeping one of the sites means, that of the protected VMs first.
  package var choices: [Choice]

  package init(cause: Cause, vms: [String], parted: Checkpoint?, choices: [Choice]) {
    self.cause = cause
    self.vms = vms
    self.parted = parted
    self.choices = choices
  }

  /// One site that may be kept.
  package struct Choice: Sendable, Equatable {
    package var site: SiteIdentifier
    package var name: String
    /// What is lost, and what is done, in words for the person who decides.
    package var consequence: String

    package init(site: SiteIdentifier, name: String, consequence: String) {
      self.site = site
      self.name = name
      self.consequence = consequence
    }
  }

  /// Whether two halves of a VPG contradict each other; nil if they do not.
  package static func cause(_ one: Half, _ other: Half) -> Cause? {
    if one.isGivingUp || other.isGivingUp { return .isBeingResolved }
    if one.protectedSite != other.protectedSite {
      guard one.isActing && other.isActing else { return nil }
      guard one.protectedSite != one.site else { return .bothProtect }
      let newer = [one, other].max {
        ($0.generation, $0.protectedSite) < ($1.generation, $1.protectedSite)
      }
      return newer.map { .neitherProtects($0.protectedSite) }
    }
    let both = one.running.intersection(other.running)
    return both.isEmpty ? nil : .bothRun(both.sorted())
  }
}
