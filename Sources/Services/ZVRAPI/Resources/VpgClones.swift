// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// Clones of VPGs: part of `/v1/vpgs`.
enum VpgClones {
  static var routes: [Route] {
    [
      Route(
        .post,
        "\(Vpgs.vpg)/CloneStart",
        "Copies the VMs as of a checkpoint to new ones, which stay off. Answers a task.",
        body: #"{"CheckpointId": "1732370400000", "DatastoreIdentifier": "…", "#
          + #""VmIdentifiers": []}"#,
        answer: start
      ),
      Route(
        .post,
        "\(Vpgs.vpg)/CloneAbort",
        "Undoes a clone that is being made. Answers a task.",
        body: "{}"
      ) { call in
        try await Vpgs.perform(.cloneAbort, call)
      },
    ]
  }

  /// What a client names is checked here, so that it learns what is wrong by a status of its own.
  private static func start(_ call: APICall) async throws -> APIResponse {
    let body = call.body
    let definition = try await call.site.vpg(call.vpg).definition
    let vms = try body.texts("VmIdentifiers")
    try call.checkVMs(vms, in: definition)
    var datastore: DatastoreIdentifier?
    if let text = try body.text("DatastoreIdentifier"), !text.isEmpty {
      let inventory = try await call.site.inventory(of: definition.recoverySite)
      guard inventory.datastores.contains(where: { $0.identifier.rawValue == text }) else {
        throw APIError.notFound("the recovery site has no datastore \(text)")
      }
      datastore = DatastoreIdentifier(text)
    }
    let checkpoint = try body.text("CheckpointId", "CheckpointIdentifier")
    try await call.checkCheckpoint(checkpoint, of: definition.identifier)
    return try await Vpgs.perform(
      .clone(
        VPGOperation.Clone(
          checkpoint: checkpoint.flatMap(CheckpointIdentifier.init(text:)),
          datastore: datastore,
          vms: vms.map { VMIdentifier($0) }
        )
      ),
      call
    )
  }
}
