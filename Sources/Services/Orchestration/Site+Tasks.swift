// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Logging
package import RecoveryModel

/// The site's tasks, and its peers' about VPGs of both.
extension Site {
  package func tasks() async throws(SiteError) -> [TaskRecord] {
    let tasks = try await context.tasks.all()
    guard tasks.contains(where: isUnsure) else { return tasks }
    let peers = await context.peers.sightings
    return tasks.map { task in
      guard isUnsure(task), let site = task.identifier.site, !peers.isConnected(site) else {
        return task
      }
      return Self.asLastHeard(task)
    }
  }

  package func task(_ task: TaskIdentifier) async throws(SiteError) -> TaskRecord {
    guard let site = task.site, site != context.site, await context.peers.record(of: site) != nil
    else { return try await context.tasks.task(task) }
    let known: TaskRecord?
    do throws(SiteError) { known = try await context.tasks.task(task) } catch {
      guard case .notFound = error else { throw error }
      known = nil
    }
    if let known, known.state.isFinal { return known }
    do throws(SiteError) {
      let peer = try await context.peers.client(for: site)
      let found = try await peer.task(task)
      // Who sees its end finds here what it left.
      if known != nil, found.state.isFinal { try await context.heard.catchUp(with: site, peer) }
      return found
    } catch {
      guard case .unreachable = error, let known else { throw error }
      return Self.asLastHeard(known)
    }
  }

  /// Has a task that a peer began for this site be in this one's list at once.
  ///
  /// Whoever asked for it has its identifier in any case; what is not known now is heard later.
  func heard(
    _ task: TaskIdentifier,
    of site: SiteIdentifier,
    _ peer: any PeerControl
  ) async -> TaskIdentifier {
    do throws(SiteError) {
      try await context.heard.keep(try await peer.task(task), of: site)
    } catch {
      context.logger.info("task not known yet", metadata: ["reason": "\(error.message)"])
    }
    return task
  }

  /// Whether only another site knows how the task stands.
  private func isUnsure(_ task: TaskRecord) -> Bool {
    !task.state.isFinal && task.identifier.site != context.site
  }

  private static func asLastHeard(_ task: TaskRecord) -> TaskRecord {
    var task = task
    task.completeReason =
      "The site that carries this out does not answer now: so it last said the task stands."
    return task
  }
}
