// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A VPG that both of its sites act for at the same time, so that each has what the other has not.
///
/// It comes of a protected site that was cut off while its VMs were recovered at the other one, or
/// of a manager whose store was put back to an older day. Nothing ends it by itself: whichever site
/// is given up loses what its VMs wrote.
package struct SplitBrain: Sendable, Equatable {
  /// How it shows.
  package enum Cause: Sendable, Equatable {
    /// These protected VMs run, and so do those that were recovered in their place.
    case bothRun([VMIdentifier])
    /// Each site holds itself for the protected one.
    case bothProtect
  }

  /// What one site says of a VPG.
  package struct Half: Sendable, Equatable {
    package var protectedSite: SiteIdentifier
    /// Whether it protects, moves or recovers; not if the VPG is done with, or not yet made.
    package var isActing: Bool
    /// While the VPG is being recovered or was: the protected VMs of which one runs at this site.
    package var running: Set<VMIdentifier>

    package init(protectedSite: SiteIdentifier, isActing: Bool, running: Set<VMIdentifier>) {
      self.protectedSite = protectedSite
      self.isActing = isActing
      self.running = running
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
    if one.protectedSite != other.protectedSite {
      return one.isActing && other.isActing ? .bothProtect : nil
    }
    let both = one.running.intersection(other.running)
    return both.isEmpty ? nil : .bothRun(both.sorted())
  }
}
