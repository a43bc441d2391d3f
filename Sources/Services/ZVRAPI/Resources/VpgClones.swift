// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// Clones of VPGs, which are not available: part of `/v1/vpgs`.
///
/// What a client names is checked all the same, so that it learns all that is wrong.
enum VpgClones {
  static var routes: [Route] {
    [
      Route(
        .post,
        "\(Vpgs.vpg)/CloneStart",
        "Would copy the VMs as of a checkpoint; not available: use a failover test.",
        body: #"{"CheckpointId": "1732370400000", "DatastoreIdentifier": "…", "#
          + #""VmIdentifiers": []}"#
      ) { call in
        let body = call.body
        let definition = try await call.site.vpg(call.vpg).definition
        try call.checkVMs(try body.texts("VmIdentifiers"), in: definition)
        if let datastore = try body.text("DatastoreIdentifier"), !datastore.isEmpty {
          let inventory = try await call.site.inventory(of: definition.recoverySite)
          guard inventory.datastores.contains(where: { $0.identifier.rawValue == datastore }) else {
            throw APIError.notFound("the recovery site has no datastore \(datastore)")
          }
        }
        try await call.checkCheckpoint(
          try body.text("CheckpointId", "CheckpointIdentifier"),
          of: definition.identifier
        )
        throw APIError.notAvailable("cloning a VPG")
      },
      Route(.post, "\(Vpgs.vpg)/CloneAbort", "Would end a clone: none runs.") { call in
        let name = try await call.site.vpg(call.vpg).definition.name
        throw APIError.notAvailable("cloning a VPG", "no clone of \(name) is running")
      },
    ]
  }
}
