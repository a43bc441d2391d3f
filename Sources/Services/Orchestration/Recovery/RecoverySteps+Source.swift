// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

// MARK: The protected site

extension RecoverySteps {
  /// How long guests may take to shut down when the policy asks for it.
  ///
  /// With force in a failover there is a disaster, and every second counts against the recovery.
  private static let shutdownInSeconds = 120
  private static let shutdownBeforeForceInSeconds = 30
  /// How long the streams of VMs that are off may take to come to rest.
  private static let settlingInSeconds = 60

  /// A move's first step: both sites are needed, and a VM that stays up ends it.
  func shutDownSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    guard case .move(let wish) = workflow.kind else { return }
    let request = SourceRequest(
      wish: .handOver,
      shutdownPolicy: wish.forcesShutdown ? .forceShutdown : .shutdown,
      timeoutInSeconds: Self.shutdownInSeconds
    )
    try refuse(running: try await askSource(request, workflow, definition), definition, "Move")
  }

  /// Where the way back would lead, if it can be gone.
  func describeSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> Reversal {
    let request = SourceRequest(wish: .describe, shutdownPolicy: .none, timeoutInSeconds: 0)
    let reply = try await askSource(request, workflow, definition)
    guard reply.running.isEmpty, let reversal = reply.reversal else {
      throw .conflict(
        "Still running at the protected site: \(Self.names(running: reply, definition)). Shut down "
          + "what runs there, or commit without reverse protection."
      )
    }
    return reversal
  }

  func settleSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> Checkpoint {
    let request = SourceRequest(
      wish: .settle,
      shutdownPolicy: .none,
      timeoutInSeconds: Self.settlingInSeconds
    )
    guard let checkpoint = try await askSource(request, workflow, definition).checkpoint else {
      throw .failed("The protected site did not say which checkpoint holds the last writes.")
    }
    return checkpoint
  }

  /// - Returns: What was not done of it in a failover, which goes on all the same.
  func standDownSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> Findings {
    var findings = Findings(subject: "The protected VMs")
    switch workflow.kind {
    case .test: break
    case .failover(let wish):
      try await context.vpgs.update(definition.identifier) { $0.phase = .failingOver }
      let answer = try await tellSource(
        .standDown,
        policy: wish.shutdownPolicy,
        workflow,
        definition
      )
      guard case .reply(let reply) = answer else {
        if case .silence(let words) = answer { findings.shortfalls = [words] }
        break
      }
      // What was said before the shutdown would look as if the VMs ran beside those recovered.
      await context.peers.forget(definition.identifier, at: definition.protectedSite)
      if wish.shutdownPolicy == .shutdown { try refuse(running: reply, definition, "Fail over") }
      if wish.shutdownPolicy == .forceShutdown, !reply.running.isEmpty {
        let names = Self.names(running: reply, definition)
        findings.shortfalls = ["Not shut down at the protected site: \(names)."]
      }
    case .move:
      try await context.vpgs.update(definition.identifier) { $0.phase = .failingOver }
      let request = SourceRequest(wish: .standDown, shutdownPolicy: .none, timeoutInSeconds: 0)
      // Whoever started a VM meanwhile would lose what it writes.
      try refuse(running: try await askSource(request, workflow, definition), definition, "Move")
    }
    return findings
  }

  private static func names(running reply: SourceReply, _ definition: VPGDefinition) -> String {
    definition.vms.filter { reply.running.contains($0.identifier) }.map(\.name)
      .joined(separator: ", ")
  }

  private func refuse(
    running reply: SourceReply,
    _ definition: VPGDefinition,
    _ operation: String
  ) throws(SiteError) {
    guard !reply.running.isEmpty else { return }
    throw .failed(
      "\(Self.names(running: reply, definition)) did not shut down. \(operation) with "
        + "ForceShutdown, or shut down by hand what runs."
    )
  }

  func standUpSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    // In one site the phase is the source's: by it, it knows that there is something to bring back.
    if !definition.isWithinOneSite {
      try await context.vpgs.update(definition.identifier) { $0.phase = .protecting }
    }
    _ = try await tellSource(.standUp, policy: .none, workflow, definition)
  }

  func retireSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    try await context.vpgs.update(definition.identifier) {
      if !definition.isWithinOneSite { $0.phase = .recovered }
      $0.recovered = workflow.recovered
    }
    if workflow.reversal != nil {
      // The old disks become replicas: the site has to be there, and its VMs to let go of them.
      let request = SourceRequest(
        wish: .retire,
        shutdownPolicy: .none,
        timeoutInSeconds: 0,
        removesVMs: true
      )
      _ = try await askSource(request, workflow, definition)
      return
    }
    var removesVMs = false
    if case .move(let wish) = workflow.kind { removesVMs = !wish.keepsSourceVMs }
    _ = try await tellSource(
      .retire,
      policy: .none,
      removesVMs: removesVMs,
      workflow,
      definition
    )
  }

  /// What it means that the protected site was not told.
  private static func words(without wish: SourceRequest.Wish) -> String {
    switch wish {
    case .standUp:
      "The protected site does not know yet that it is to start its VMs again:"
    case .retire: "The protected site does not know yet that its VMs were recovered for good:"
    default: "The recovery goes on without the protected site, whose VMs may run:"
    }
  }

  /// What the protected site said, or in what words it did not.
  private enum SourceAnswer {
    case reply(SourceReply)
    case silence(String)
  }

  /// Tells the protected site, if it is there.
  ///
  /// One that is not learns from this site's state when it comes back, so its absence holds nothing
  /// up.
  private func tellSource(
    _ wish: SourceRequest.Wish,
    policy: VPGOperation.ShutdownPolicy,
    removesVMs: Bool = false,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> SourceAnswer {
    do throws(SiteError) {
      let reply = try await askSource(
        SourceRequest(
          wish: wish,
          shutdownPolicy: policy,
          timeoutInSeconds: policy == .forceShutdown
            ? Self.shutdownBeforeForceInSeconds : Self.shutdownInSeconds,
          removesVMs: removesVMs
        ),
        workflow,
        definition
      )
      return .reply(reply)
    } catch {
      guard case .unreachable(let reason) = error else { throw error }
      let words = "\(Self.words(without: wish)) \(reason)"
      await context.events.record(
        .failover,
        words,
        succeeded: false,
        vpgs: [definition.identifier]
      )
      return .silence(words)
    }
  }
}

// MARK: A source that falls silent

extension RecoverySteps {
  private static let silentProbesUntilGone = 2

  /// Asks the protected site, for as long as it is there: a request may take as long as guests take
  /// to shut down, but a site that was lost on the way is not worth that wait.
  private func askSource(
    _ request: SourceRequest,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> SourceReply {
    var request = request
    request.definitions = await definitions(workflow, definition)
    let asked = request
    let peer = try await context.peers.client(for: definition.protectedSite)
    let outcome = await withTaskGroup(of: Result<SourceReply, SiteError>.self) { group in
      group.addTask {
        do throws(SiteError) {
          return .success(try await peer.source(asked, of: definition.identifier))
        } catch {
          return .failure(error)
        }
      }
      group.addTask { .failure(await Self.silence(of: peer)) }
      let first = await group.next()
      group.cancelAll()
      return first
    }
    guard let outcome else { preconditionFailure("a group with tasks has a first result") }
    return try outcome.get()
  }

  /// Returns when the peer has not answered several times in a row.
  private static func silence(of peer: any PeerControl) async -> SiteError {
    var misses = 0
    while misses < silentProbesUntilGone {
      do { try await Task.sleep(for: .milliseconds(500)) } catch {
        return .failed("The manager is stopping.")
      }
      do throws(SiteError) {
        _ = try await peer.state()
        misses = 0
      } catch {
        if case .unreachable = error { misses += 1 } else { misses = 0 }
      }
    }
    return .unreachable("The protected site does not answer any more.")
  }
}
