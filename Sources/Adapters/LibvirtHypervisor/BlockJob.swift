// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Hypervisor
internal import RecoveryModel

/// A block job of libvirt's on one disk of a running VM, at whose end the VM is on `destination`.
struct BlockJob: Sendable {
  let hypervisor: LibvirtHypervisor
  let vm: VMIdentifier
  let target: String
  let destination: String

  /// The file the disk is on now.
  func top() async throws(HypervisorError) -> String {
    let target = target
    let vm = vm
    return try await hypervisor.run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { throw .notRunning(vm) }
      guard let disk = try domain.description().disks.first(where: { $0.target == target }) else {
        throw .failed(operation: "move a disk", reason: "the VM has no disk \(target)")
      }
      return disk.path
    }
  }

  /// Ends a job that an earlier try left, without its result.
  func abort() async throws(HypervisorError) {
    let target = target
    try await hypervisor.run(on: .patient, with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive, try domain.jobInfo(target) != nil else { return }
      try LibvirtFailure.check(virDomainBlockJobAbort(domain.pointer, target, 0), "end a block job")
    }
  }

  /// Begins the job, waits until it has caught up with the guest, and pivots.
  func complete(
    begin: @escaping @Sendable (LibvirtDomain) throws(HypervisorError) -> Void
  ) async throws(HypervisorError) {
    try await hypervisor.run(on: .patient, with: vm, begin)
    // As long as there is progress there is no limit: the overlay may hold very much.
    var step = try await step()
    while case .working(let position) = step {
      let isFurther = try await hypervisor.wait(seconds: 60) { () async throws(HypervisorError) in
        step = try await self.step()
        return step != .working(position)
      }
      guard isFurther else {
        try await abort()
        throw .failed(operation: "move a disk", reason: "the block job makes no progress")
      }
    }
    guard try await top() == destination else {
      throw .failed(
        operation: "move a disk",
        reason: "the block job of \(target) ended without its result"
      )
    }
  }

  private enum Step: Equatable { case working(UInt64), ended }

  /// Looks at the job, and pivots if it is ready.
  private func step() async throws(HypervisorError) -> Step {
    let target = target
    return try await hypervisor.run(on: .patient, with: vm) { domain throws(HypervisorError) in
      guard let info = try domain.jobInfo(target) else { return .ended }
      guard info.cur == info.end else { return .working(info.cur) }
      let flags = VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT.rawValue
      if virDomainBlockJobAbort(domain.pointer, target, flags) == 0 { return .ended }
      // Refused for now: a guest that writes can be ahead of the job again.
      guard LibvirtFailure.lastCode() == VIR_ERR_BLOCK_COPY_ACTIVE else {
        throw LibvirtFailure.last("move a disk")
      }
      return .working(info.cur)
    }
  }
}

extension LibvirtDomain {
  /// The block job on a disk, if there is one.
  func jobInfo(_ target: String) throws(HypervisorError) -> virDomainBlockJobInfo? {
    var info = virDomainBlockJobInfo()
    let result = virDomainGetBlockJobInfo(pointer, target, &info, 0)
    try LibvirtFailure.check(result, "look at a block job")
    return result == 1 ? info : nil
  }

  /// Copies what is in the disk's topmost layer to a file that exists already.
  func beginCopy(of target: String, to destination: XMLTree) throws(HypervisorError) {
    let flags =
      VIR_DOMAIN_BLOCK_COPY_SHALLOW.rawValue | VIR_DOMAIN_BLOCK_COPY_REUSE_EXT.rawValue
      | VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB.rawValue
    try LibvirtFailure.check(
      virDomainBlockCopy(pointer, target, destination.document, nil, 0, flags),
      "copy an overlay"
    )
  }

  /// Takes the disk's topmost layer down into its base.
  func beginCommit(of target: String, into base: String) throws(HypervisorError) {
    let flags = VIR_DOMAIN_BLOCK_COMMIT_ACTIVE.rawValue
    try LibvirtFailure.check(
      virDomainBlockCommit(pointer, target, base, nil, 0, flags),
      "commit an overlay"
    )
  }

  /// Replaces the definition, not the running VM.
  func redefine(_ definition: XMLTree) throws(HypervisorError) {
    guard let connection = virDomainGetConnect(pointer),
      let domain = virDomainDefineXMLFlags(connection, definition.document, 0)
    else { throw LibvirtFailure.last("change the VM's definition") }
    virDomainFree(domain)
  }
}
