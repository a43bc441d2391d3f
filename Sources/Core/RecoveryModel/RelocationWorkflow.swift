// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The VMs that leave a recovery host, VPG after VPG, without doing any of it.
///
/// What must hold:
///
/// - A VPG is changed by its protected site, whole or not at all. Where it is, is seen from its
///   definition here, so asking twice changes nothing that is changed.
/// - A VPG that cannot be changed is said, and does not keep the next one.
/// - What may pass, a test or a silent site, is tried again a few times; so is a change that failed
///   when the manager which had asked for it was stopped.
package struct RelocationWorkflow: Codable, Sendable, Equatable {
  /// How often a VPG's change is asked for.
  package static let attemptLimit = 5

  package let identifier: String
  package private(set) var parts: [Part]

  package init(identifier: String, parts: [Part]) {
    self.identifier = identifier
    self.parts = parts
  }
}

extension RelocationWorkflow {
  /// One VPG, and the hosts its VMs go to.
  package struct Part: Codable, Sendable, Equatable {
    package let vpg: VPGIdentifier
    package let name: String
    package let machines: [VMIdentifier: HostIdentifier]
    /// The task of the change, once it was asked for.
    package fileprivate(set) var task: TaskIdentifier?
    /// The process of the manager that asked for it.
    package fileprivate(set) var asker: String?
    package fileprivate(set) var attempts = 0
    package fileprivate(set) var isOver = false
    /// Why it was not changed; empty if it was.
    package fileprivate(set) var reason = ""

    package init(
      vpg: VPGIdentifier,
      name: String,
      machines: [VMIdentifier: HostIdentifier]
    ) {
      self.vpg = vpg
      self.name = name
      self.machines = machines
    }

    /// A VPG that is known beforehand to stay where it is.
    package init(vpg: VPGIdentifier, name: String, staysBecause reason: String) {
      self.init(vpg: vpg, name: name, machines: [:])
      (isOver, self.reason) = (true, reason)
    }
  }

  /// How the VPG whose turn it is was found.
  package enum Finding: Sendable, Equatable {
    /// All its VMs are where they are to be, or not in it any more.
    case moved
    /// Its change has not been asked for.
    case waiting
    case working
    /// Its change ended, and its VMs are where they were.
    case failed(String)
    /// The same, but this manager may have been the reason: it was started since.
    case interrupted(String)
  }

  /// What is to be done next.
  package enum Action: Sendable, Equatable {
    /// Have the VPG changed.
    case ask
    case wait
    /// Look at the next one.
    case goOn
  }

  /// The VPG whose turn it is; nil once none is left.
  package var current: Part? { parts.first { !$0.isOver } }
  package var isOver: Bool { current == nil }

  /// 0...99.
  package var progress: Int {
    parts.isEmpty ? 0 : min(99, parts.count(where: \.isOver) * 99 / parts.count)
  }

  /// The VPGs that stayed, with the reasons.
  package var stayed: [Part] { parts.filter { $0.isOver && !$0.reason.isEmpty } }

  package mutating func found(_ finding: Finding) -> Action {
    switch finding {
    case .moved:
      end("")
      return .goOn
    case .waiting: return .ask
    case .working: return .wait
    case .failed(let reason):
      end(reason)
      return .goOn
    case .interrupted(let reason):
      change { $0.task = nil }
      refused(reason, mayPass: true)
      return .wait
    }
  }

  /// The change of the current VPG is under way.
  package mutating func asked(_ task: TaskIdentifier, by asker: String) {
    change { ($0.task, $0.asker) = (task, asker) }
  }

  /// The change of the current VPG was refused; what may pass is tried again.
  package mutating func refused(_ reason: String, mayPass: Bool) {
    change { $0.attempts += 1 }
    guard !mayPass || current?.attempts ?? 0 >= Self.attemptLimit else { return }
    end(reason)
  }

  private mutating func end(_ reason: String) {
    change { ($0.isOver, $0.reason) = (true, reason) }
  }

  private mutating func change(_ body: (inout Part) -> Void) {
    guard let index = parts.firstIndex(where: { !$0.isOver }) else { return }
    body(&parts[index])
  }
}
