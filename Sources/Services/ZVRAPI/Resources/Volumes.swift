// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// `/v1/volumes`: what VPGs take on this site's disks.
enum Volumes: Resource {
  static let root = "volumes"
  static let interface = "IVolumesService"

  /// Appliances have no volumes, but may be asked for.
  private static let kinds = VolumeView.Kind.allCases.map(\.rawValue) + ["Appliance"]

  static var routes: [Route] {
    [
      Route(.get, "volumes", "Disks of protected VMs, replicas, journals and overlays.") { call in
        let query = call.query
        if let kind = query.text("volumeType"), !kinds.contains(where: { $0.isSame(as: kind) }) {
          throw APIError.invalid("volumeType is none of \(kinds.joined(separator: ", "))")
        }
        let views = try await call.site.volumes().filter { view in
          query.matches("volumeType", view.kind.rawValue)
            && query.matches("vpgIdentifier", view.vpg.rawValue)
            && query.matches("datastoreIdentifier", view.datastore?.identifier.rawValue ?? "")
            && query.matches("protectedVmIdentifier", view.protectedVM.rawValue)
            && query.matches("owningVmIdentifier", view.owner)
        }
        return .list(views.map(APIValue.volume), of: "VolumeApi")
      }
    ]
  }
}
