// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel

extension FakeSite {
  func relocationChoice(
    from appliance: ApplianceIdentifier
  ) throws(SiteError) -> RelocationChoice {
    RelocationChoice(
      appliance: appliance,
      machines: [
        .init(vm: Self.web, name: "web1", obstacles: [HostIdentifier("b"): "it is too far away"])
      ],
      targets: [
        .init(host: HostIdentifier("b"), hostName: "host-b", load: 0),
        .init(host: HostIdentifier("c"), hostName: "host-c", load: 3),
      ]
    )
  }

  func relocate(
    _ machines: [VMIdentifier: HostIdentifier]?,
    from appliance: ApplianceIdentifier,
    user: String
  ) throws(SiteError) -> TaskIdentifier {
    relocations.append(machines)
    return TaskIdentifier("6b1f2c0e-0000-4000-8000-0000000000f1")
  }
}
