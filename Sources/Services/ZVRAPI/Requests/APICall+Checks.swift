// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

// Checks that several resources make of what a client names.

extension APIError {
  /// The answer to a right request for something Understudy does not do.
  ///
  /// `instead`: What can be done instead, or why nothing can.
  static func notAvailable(_ what: String, _ instead: String? = nil) -> APIError {
    .invalid("\(what) is not available" + (instead.map { ": \($0)" } ?? " in this version"))
  }
}

extension APICall {
  /// The protected VM of that name, in the VPG that is named, or else in the only one it is in.
  ///
  /// It is a 404 if no VPG has the VM, and a 400 if several have and none is named.
  func protectedVM(_ name: String, vpg: String?) async throws -> ProtectedVMView {
    let views = try await site.protectedVMs(VMIdentifier(name)).filter { view in
      sees(view.vpg.definition)
        && vpg?.isSame(as: view.vpg.definition.identifier.rawValue) ?? true
    }
    guard let view = views.first else {
      throw APIError.notFound("no VPG has the VM \(name)")
    }
    guard views.count == 1 else {
      throw APIError.invalid("the VM is in several VPGs: vpgIdentifier is needed")
    }
    return view
  }

  /// Checks that a VPG has the checkpoint a body names; without one, that it has any.
  ///
  /// - Throws: 400 if the text is no checkpoint, 404 if the VPG has no such checkpoint.
  func checkCheckpoint(_ text: String?, of vpg: VPGIdentifier) async throws {
    let all = try await site.checkpoints(of: vpg, from: nil, to: nil)
    guard let text, !text.isEmpty else {
      guard !all.isEmpty else { throw APIError.notFound("the VPG has no checkpoint yet") }
      return
    }
    guard let checkpoint = CheckpointIdentifier(text: text) else {
      throw APIError.invalid("CheckpointIdentifier is not a number: \(text)")
    }
    guard all.contains(where: { $0.identifier == checkpoint }) else {
      throw APIError.notFound("the VPG has no checkpoint \(text)")
    }
  }

  /// Checks that a VPG has all the VMs a body names.
  func checkVMs(_ names: [String], in definition: VPGDefinition) throws(APIError) {
    for name in names where !definition.vms.contains(where: { $0.identifier.rawValue == name }) {
      throw .notFound("the VPG \(definition.name) has no VM \(name)")
    }
  }
}
