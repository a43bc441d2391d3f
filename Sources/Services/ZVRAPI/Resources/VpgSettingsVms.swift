// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The calls for the VMs of a settings object, their network cards and their volumes.
enum VpgSettingsVms {
  private static let vms = "\(VpgSettings.settings)/vms"
  private static let vm = "\(vms)/{vmIdentifier}"

  static var routes: [Route] {
    machines
      + devices(.nic, path: "nics", name: "nicIdentifier")
      + devices(.volume, path: "volumes", name: "volumeIdentifier") + [
        Route(
          .delete,
          "\(vm)/nics/{nicIdentifier}",
          "Sets the network card back to defaults."
        ) { call in
          try await call.change { draft throws(APIError) in
            try draft.resetDevice(
              .nic,
              call.parameter("nicIdentifier"),
              of: call.parameter("vmIdentifier")
            )
          }
          return .empty
        }
      ]
  }

  private static var machines: [Route] {
    [
      Route(.get, vms, "The VMs of the settings.") { call in
        .value(try await call.draft().tree["Vms"] ?? .null)
      },
      Route(
        .post,
        vms,
        "Adds a VM of the protected site.",
        body: #"{"VmIdentifier": "…"}"#
      ) { call in
        let name = try call.body.text("VmIdentifier", "") ?? ""
        let draft = try await call.draft()
        let machines = try await VpgSettings.machines(
          for: [name],
          of: draft,
          change: APIObject(),
          call
        )
        try await call.change { draft throws(APIError) in
          try draft.addVM(call.body, machines: machines)
        }
        return .empty
      },
      Route(.get, vm, "One VM of the settings.") { call in
        .value(.object(try await call.draft().vm(call.parameter("vmIdentifier"))))
      },
      Route(
        .put,
        vm,
        "Changes what the body holds.",
        body: #"{"Recovery": {"HostIdentifier": "…"}}"#
      ) { call in
        try await call.change { draft throws(APIError) in
          try draft.changeVM(call.parameter("vmIdentifier"), call.body)
        }
        return .empty
      },
      Route(.delete, vm, "Removes the VM from the settings.") { call in
        try await call.change { draft throws(APIError) in
          try draft.removeVM(call.parameter("vmIdentifier"))
        }
        return .empty
      },
    ]
  }

  /// The calls that network cards and volumes have in common.
  private static func devices(
    _ device: SettingsDraft.Device,
    path: String,
    name: String
  ) -> [Route] {
    [
      Route(.get, "\(vm)/\(path)", "The VM's \(path).") { call in
        let vm = try await call.draft().vm(call.parameter("vmIdentifier"))
        return .value(vm[device.member] ?? .null)
      },
      Route(.get, "\(vm)/\(path)/{\(name)}", "One of the VM's \(path).") { call in
        .value(
          .object(
            try await call.draft().device(
              device,
              call.parameter(name),
              of: call.parameter("vmIdentifier")
            )
          )
        )
      },
      Route(
        .put,
        "\(vm)/\(path)/{\(name)}",
        "Changes what the body holds.",
        body: String(decoding: JSONWriter.write(.object(device.shape.blank)), as: UTF8.self)
      ) { call in
        try await call.change { draft throws(APIError) in
          try draft.changeDevice(
            device,
            call.parameter(name),
            of: call.parameter("vmIdentifier"),
            call.body
          )
        }
        return .empty
      },
    ]
  }
}
