// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// `/v1/vpgSettings`: settings objects, with which VPGs are made and edited.
///
/// The calls for sub-objects are in ``VpgSettingsParts`` and ``VpgSettingsVms``, those that export
/// and import in ``VpgSettingsExports``.
enum VpgSettings: Resource {
  static let root = "vpgSettings"
  static let interface = "IVpgSettingsService"

  static let settings = "vpgSettings/{vpgSettingsIdentifier}"

  static var routes: [Route] {
    (whole + VpgSettingsParts.routes + VpgSettingsVms.routes + VpgSettingsExports.routes)
      .changesNeed(.protect)
  }

  private static var whole: [Route] {
    [
      Route(.get, "vpgSettings", "The settings objects the user has open.") { call in
        .list(
          await call.service.drafts.all(of: try call.caller).map { .object($0.tree) },
          of: "VpgSettingsApi"
        )
      },
      Route(
        .post,
        "vpgSettings",
        "Opens a settings object, blank or filled from a VPG. Answers its identifier.",
        body: #"{"VpgIdentifier": null}"#,
        answer: open
      ),
      Route(
        .post,
        "vpgSettings/copyVpgSettings",
        "Opens a settings object with the policy of a VPG and no VMs. Answers its identifier.",
        body: #"{"VpgIdentifier": "…"}"#
      ) { call in
        guard let vpg = try call.body.text("VpgIdentifier", ""), !vpg.isEmpty else {
          throw APIError.invalid("VpgIdentifier is missing")
        }
        let view = try await call.site.vpg(VPGIdentifier(vpg.lowercased()))
        return try await keep(
          SettingsDraft(identifier: newIdentifier(), copying: view.definition),
          call
        )
      },
      Route(.get, settings, "The whole settings object.") { call in
        .value(.object(try await call.draft().tree))
      },
      Route(
        .put,
        settings,
        "Changes what the body holds; VMs it does not list stay.",
        body: #"{"Basic": {"Name": "App1"}, "Vms": [{"VmIdentifier": "…"}]}"#
      ) { call in
        let machines = try await machines(
          for: try vmNames(call.body),
          of: try await call.draft(),
          change: call.body,
          call
        )
        try await call.change { draft throws(APIError) in
          try draft.change(call.body, machines: machines, nulls: .clear)
        }
        return .empty
      },
      Route(.delete, settings, "Throws the settings object away.") { call in
        try await call.service.drafts.remove(call.settings, for: try call.caller)
        return .empty
      },
      Route(
        .post,
        "\(settings)/commit",
        "Makes or changes the VPG. Answers a task.",
        body: "{}",
        answer: commit
      ),
    ]
  }

  private static func newIdentifier() -> String { UUID().uuidString.lowercased() }

  private static func open(_ call: APICall) async throws -> APIResponse {
    var draft = SettingsDraft(identifier: newIdentifier(), base: nil)
    if let vpg = try call.body.text("VpgIdentifier", ""), !vpg.isEmpty {
      let view = try await call.site.vpg(VPGIdentifier(vpg.lowercased()))
      draft = SettingsDraft(identifier: draft.identifier, editing: view.definition)
    }
    let machines = try await machines(
      for: try vmNames(call.body),
      of: draft,
      change: call.body,
      call
    )
    try draft.change(call.body, machines: machines, nulls: .leave)
    return try await keep(draft, call)
  }

  private static func keep(_ draft: SettingsDraft, _ call: APICall) async throws -> APIResponse {
    try await call.service.drafts.open(draft, session: try call.caller)
    return .text(draft.identifier)
  }

  private static func commit(_ call: APICall) async throws -> APIResponse {
    let drafts = call.service.drafts
    let draft = try await drafts.beginCommit(call.settings, for: try call.caller)
    do {
      let task = try await commit(draft, call)
      await drafts.endCommit(call.settings, isAccepted: true)
      return .text(task.rawValue)
    } catch {
      await drafts.endCommit(call.settings, isAccepted: false)
      throw error
    }
  }

  private static func commit(
    _ draft: SettingsDraft,
    _ call: APICall
  ) async throws -> TaskIdentifier {
    let names = draft.vms.compactMap { $0["VmIdentifier"]?.readText }
    let known = Set(draft.base?.vms.map(\.identifier.rawValue) ?? [])
    let wish = try await HostClusters.placed(
      try draft.definition(
        machines: await newMachines(names.filter { !known.contains($0) }, draft, call),
        local: call.site.siteIdentifier
      ),
      by: draft,
      call
    )
    let definition = try await call.checked(wish, changing: draft.base)
    guard let base = draft.base else {
      return try await call.site.create(definition, user: call.user)
    }
    return try await call.site.perform(
      .update(definition),
      on: base.identifier,
      user: call.user
    )
  }

  /// The VMs that are new in the VPG; the site says which of them it does not have, beside
  /// everything else that is wrong.
  private static func newMachines(
    _ names: [String],
    _ draft: SettingsDraft,
    _ call: APICall
  ) async throws -> [VMIdentifier: VirtualMachine] {
    do {
      return try await machines(for: names, of: nil, change: draft.tree, call)
    } catch is APIError {
      return [:]
    }
  }

  // MARK: VMs from the inventory

  static func vmNames(_ body: APIObject) throws(APIError) -> [String] {
    var names: [String] = []
    for item in body["Vms"]?.items ?? [] {
      if let name = try item.object?.text("VmIdentifier") { names.append(name) }
    }
    return names
  }

  /// Those of the named VMs that the draft does not have, from the protected site.
  ///
  /// `change`: The body; the protected site may be set in it.
  static func machines(
    for names: [String],
    of draft: SettingsDraft?,
    change: APIObject,
    _ call: APICall
  ) async throws -> [VMIdentifier: VirtualMachine] {
    let known = Set((draft?.vms ?? []).compactMap { $0["VmIdentifier"]?.readText })
    let missing = Set(names).subtracting(known)
    guard !missing.isEmpty else { return [:] }
    let named = change.value("Basic", "ProtectedSiteIdentifier").readText.flatMap {
      $0.isEmpty ? nil : SiteIdentifier($0.lowercased())
    }
    let local = call.site.siteIdentifier
    let site = named ?? draft?.protectedSite ?? local
    let inventory: Inventory
    do {
      inventory = try await call.site.inventory(of: site)
    } catch {
      guard case .notFound = error else { throw error }
      throw APIError.invalid("Basic.ProtectedSiteIdentifier: there is no site \(site)")
    }
    let wanted = inventory.virtualMachines.filter { missing.contains($0.identifier.rawValue) }
    return Dictionary(wanted.map { ($0.identifier, $0) }) { first, _ in first }
  }
}

extension APICall {
  /// The settings object in the path.
  var settings: String { parameter("vpgSettingsIdentifier").lowercased() }

  /// Who calls: settings objects belong to someone.
  var caller: SessionRecord {
    get throws(APIError) {
      guard let session else { throw .unauthorized }
      return session
    }
  }

  func draft() async throws -> SettingsDraft {
    try await service.drafts.draft(settings, for: try caller)
  }

  func change(
    _ change: @Sendable (inout SettingsDraft) throws(APIError) -> Void
  ) async throws {
    try await service.drafts.change(settings, for: try caller, change)
  }
}
