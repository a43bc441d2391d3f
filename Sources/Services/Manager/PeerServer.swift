// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
package import Identity
package import Logging
package import Orchestration
internal import RecoveryModel
internal import ServiceLifecycle

/// The port that managers of other sites call: every entry of `PeerRoutes`, over mutual TLS.
///
/// A client's certificate is optional because the pairing call comes before there is trust; its
/// proof stands in for one. Everything else is for managers of trusted sites.
package struct PeerServer: Service {
  private let server: ControlServer

  /// Prepares the port; ``run()`` opens it.
  ///
  /// `port`: The port; 0 takes a free one.
  ///
  /// `onListening`: Called with the port once connections are taken.
  package init(
    host: String,
    port: Int,
    identity: TLSIdentity,
    trust: TrustStore,
    service: any PeerService,
    logger: Logger,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) throws {
    server = try ControlServer(
      host: host,
      port: port,
      identity: identity,
      trust: trust,
      clientCertificate: .optional,
      logger: logger,
      onListening: onListening
    ) { routes in
      Self.addSiteRoutes(to: routes, service)
      Self.addVPGRoutes(to: routes, service)
    }
  }

  package func run() async throws { try await server.run() }

  private static let vpg = VPGIdentifier(":vpg")

  private static func addSiteRoutes(to routes: ControlRoutes, _ service: any PeerService) {
    routes.on(
      .post,
      PeerRoutes.pair,
      from: .anyone,
      answer: { request -> PairReply in
        let pairing: PairRequest = try request.body()
        return try await refusing { try await service.acceptPairing(pairing) }
      }
    )
    routes.on(
      .delete,
      PeerRoutes.pairing,
      from: .anyManager,
      perform: { request in
        let caller = try caller(request)
        try await refusing { try await service.endPairing(from: caller) }
      }
    )
    answer(.get, PeerRoutes.site, routes) { _, caller -> SiteDescription in
      try await service.describe(to: caller)
    }
    answer(.get, PeerRoutes.inventory, routes) { _, caller -> Inventory in
      try await service.inventory(for: caller)
    }
    answer(.get, PeerRoutes.state, routes) { _, caller -> PeerState in
      try await service.state(for: caller)
    }
    answer(.post, PeerRoutes.history, routes) { request, caller -> HistoryReply in
      try await service.history(try request.body(), for: caller)
    }
    answer(
      .get,
      PeerRoutes.task(TaskIdentifier(":task")),
      routes
    ) { request, caller -> TaskRecord in
      try await service.task(try request.identifier("task"), for: caller)
    }
  }

  private static func addVPGRoutes(to routes: ControlRoutes, _ service: any PeerService) {
    answer(.post, PeerRoutes.vpgs, routes) { request, caller -> TaskReply in
      try await service.create(try request.body(), from: caller)
    }
    answer(.put, PeerRoutes.vpg(vpg), routes) { request, caller -> PrepareReply in
      let definition: VPGDefinition = try request.body()
      guard definition.identifier == (try request.identifier("vpg")) else {
        throw ControlFailure(status: 400, message: "path and body name different VPGs")
      }
      return try await service.prepare(definition, from: caller)
    }
    routes.on(
      .delete,
      PeerRoutes.vpg(vpg),
      from: .anyManager,
      perform: { request in
        let caller = try caller(request)
        let vpg: VPGIdentifier = try request.identifier("vpg")
        let keepsReplicas = try request.flag("keepReplicas", default: true)
        let force = try request.flag("force", default: false)
        try await refusing {
          try await service.drop(
            vpg,
            keepsReplicas: keepsReplicas,
            force: force,
            from: caller
          )
        }
      }
    )
    answer(.post, PeerRoutes.problems(vpg), routes) { request, caller -> [String] in
      try await service.problems(with: try request.body(), from: caller)
    }
    answer(.get, PeerRoutes.dropRefusal(vpg), routes) { request, caller -> DropRefusal in
      let vpg: VPGIdentifier = try request.identifier("vpg")
      return DropRefusal(reason: try await service.dropRefusal(of: vpg, for: caller))
    }
    answer(.get, PeerRoutes.checkpoints(vpg), routes) { request, caller -> [Checkpoint] in
      try await service.checkpoints(of: try request.identifier("vpg"), for: caller)
    }
    answer(.post, PeerRoutes.changes(vpg), routes) { request, caller -> ChangesReply in
      try await service.changes(
        try request.body(),
        in: try request.identifier("vpg"),
        for: caller
      )
    }
    answer(.post, PeerRoutes.pointData(vpg), routes) { request, caller -> PointReadReply in
      try await service.read(try request.body(), in: try request.identifier("vpg"), for: caller)
    }
    answer(.post, PeerRoutes.operations(vpg), routes) { request, caller -> TaskReply in
      try await service.perform(
        try request.body(),
        on: try request.identifier("vpg"),
        from: caller
      )
    }
    routes.on(
      .put,
      PeerRoutes.blueprints(vpg),
      from: .anyManager,
      perform: { request in
        let caller = try caller(request)
        let vpg: VPGIdentifier = try request.identifier("vpg")
        let blueprint: BlueprintRequest = try request.body()
        try await refusing { try await service.keep(blueprint, in: vpg, from: caller) }
      }
    )
    answer(.post, PeerRoutes.source(vpg), routes) { request, caller -> SourceReply in
      try await service.source(
        try request.body(),
        of: try request.identifier("vpg"),
        from: caller
      )
    }
  }

  /// Adds a route for managers of trusted sites.
  private static func answer<Reply: Encodable & Sendable & SendableMetatype>(
    _ method: ControlMethod,
    _ path: String,
    _ routes: ControlRoutes,
    _ answer: @escaping @Sendable (ControlRequest, SiteIdentifier) async throws -> Reply
  ) {
    routes.on(
      method,
      path,
      from: .anyManager,
      answer: { request -> Reply in
        let caller = try caller(request)
        return try await refusing { try await answer(request, caller) }
      }
    )
  }

  /// The site that the caller's certificate names.
  private static func caller(_ request: ControlRequest) throws -> SiteIdentifier {
    guard let peer = request.peer else {
      throw ControlFailure(status: 403, message: "this is for managers of paired sites")
    }
    return peer.site
  }

  /// Turns what the site refuses into what a control port answers.
  private static func refusing<Reply: Sendable>(
    _ body: @Sendable () async throws -> Reply
  ) async throws -> Reply {
    do {
      return try await body()
    } catch let error as SiteError {
      throw error.controlFailure
    }
  }
}
