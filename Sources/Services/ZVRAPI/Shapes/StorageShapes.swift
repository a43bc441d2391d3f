// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

// Volumes and datastores as the API shows them.

extension APIValue {
  /// Clients index `Size`, `Datastore`, `Vpg`, `ProtectedVm` and `OwningVm` without looking: they
  /// are always objects.
  static func volume(_ view: VolumeView) -> APIValue {
    let root = view.datastore.map { $0.path + "/" } ?? ""
    return .object(
      "VolumeApi",
      [
        "VolumeType": .string(view.kind.rawValue),
        "IsThinProvisioned": .bool(view.usedByteCount < view.provisionedByteCount),
        "VolumeIdentifier": .string(view.identifier),
        "Path": .object(
          "VolumePathApi",
          [
            "Full": .string(view.path),
            "Relative": .string(
              view.path.hasPrefix(root) ? String(view.path.dropFirst(root.count)) : view.path
            ),
            "FileName": .string(view.path.split(separator: "/").last.map(String.init) ?? ""),
          ]
        ),
        "Size": .object(
          "VolumeSizeApi",
          [
            "UsedInBytes": .integer(Int64(clamping: view.usedByteCount)),
            "ProvisionedInBytes": .integer(Int64(clamping: view.provisionedByteCount)),
          ]
        ),
        "Datastore": named(
          "VolumeDatastoreApi",
          view.datastore?.identifier.rawValue,
          view.datastore?.name
        ),
        "OwningVm": named("VolumeVmApi", view.owner, view.ownerName),
        "ProtectedVm": named("VolumeVmApi", view.protectedVM.rawValue, view.protectedVMName),
        "Vpg": named("VolumeVpgApi", view.vpg.rawValue, view.vpgName),
        "StoragePolicy": .null,
      ]
    )
  }

  private static func named(_ type: String, _ identifier: String?, _ name: String?) -> APIValue {
    .object(type, ["Identifier": .text(identifier), "Name": .text(name)])
  }

  static func datastoreUse(_ view: DatastoreView, _ links: Links) -> APIValue {
    let datastore = view.datastore
    return .object(
      "DatastoreApi",
      [
        "DatastoreIdentifier": .identifier(datastore.identifier),
        "DatastoreName": .string(datastore.name),
        "Config": .object(
          "DatastoreConfigurationApi",
          [
            "Devices": .texts([datastore.path]),
            "Type": .string(datastore.type ?? "dir"),
            "OwningDatastoreCluster": .null,
          ]
        ),
        "Stats": .object(
          "DatastoreStatisticsApi",
          [
            "NumVRAs": .integer(view.applianceCount),
            "NumIncomingVMs": .integer(view.vmCount(of: .recovery)),
            "NumOutgoingVMs": .integer(view.vmCount(of: .protected)),
            // No other name is published.
            "AvailabilityStatus": view.isAvailable ? .string("Normal") : .null,
            "Usage": .object(
              "DatastoreUsageApi",
              ["Datastore": room(view), "Zerto": use(view.volumes)]
            ),
          ]
        ),
        "Health": health(view.alerts, links),
      ]
    )
  }

  /// How the journals on a datastore are.
  ///
  /// `Normal` is the only status whose name is published: with an alert there is none, and the
  /// alerts say what is amiss.
  private static func health(_ alerts: [AlertRecord], _ links: Links) -> APIValue {
    .object(
      "DatastoreHealthApi",
      [
        "Status": alerts.allSatisfy(\.isDismissed) ? .string("Normal") : .null,
        "Alerts": .list(
          alerts.map { alert in
            .object(
              "DatastoreAlertApi",
              [
                "Description": .string(alert.condition.description),
                "Level": APIEnumerations.alertLevel.value(alert.level),
                "Link": links.link("AlertApi", "alerts", alert.identifier),
              ]
            )
          },
          element: "DatastoreAlertApi"
        ),
      ]
    )
  }

  private static func room(_ view: DatastoreView) -> APIValue {
    let datastore = view.datastore
    let used = datastore.capacityInBytes - min(datastore.freeInBytes, datastore.capacityInBytes)
    // What is there, and what our own volumes may still grow by.
    let growth = view.volumes.reduce(UInt64(0)) { sum, volume in
      sum + volume.provisionedByteCount - min(volume.usedByteCount, volume.provisionedByteCount)
    }
    return .object(
      "DatastoreInfoApi",
      [
        "CapacityInBytes": .integer(Int64(clamping: datastore.capacityInBytes)),
        "FreeInBytes": .integer(Int64(clamping: datastore.freeInBytes)),
        "UsedInBytes": .integer(Int64(clamping: used)),
        "ProvisionedInBytes": .integer(Int64(clamping: used + growth)),
      ]
    )
  }

  /// Appliances are services of their hosts: they have no disks of their own.
  private static func use(_ volumes: [VolumeView]) -> APIValue {
    func sum(_ kind: VolumeView.Kind?) -> APIValue {
      let own = volumes.filter { $0.kind == kind }
      return .object(
        "DatastoreVolumeTypeUsageApi",
        [
          "UsedInBytes": .integer(Int64(clamping: own.map(\.usedByteCount).reduce(0, +))),
          "ProvisionedInBytes": .integer(
            Int64(clamping: own.map(\.provisionedByteCount).reduce(0, +))
          ),
        ]
      )
    }
    return .object(
      "DatastoreZertoUsageInfoApi",
      [
        "Protected": sum(.protected), "Recovery": sum(.recovery), "Journal": sum(.journal),
        "Scratch": sum(.scratch), "Appliances": sum(nil), "Unknown": sum(nil),
      ]
    )
  }
}

extension DatastoreView {
  fileprivate func vmCount(of kind: VolumeView.Kind) -> Int {
    Set(volumes.filter { $0.kind == kind }.map(\.protectedVM)).count
  }
}
