// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RESTClient

extension ZVMClient {
  /// Logs in at a site of the lab, whose manager it trusts by the site's own authority.
  package init(loggingInTo site: LabSite) async throws {
    try await self.init(
      name: site.name,
      url: site.url,
      authorityFile: site.authorityFile,
      user: site.user,
      password: site.password
    )
  }
}
