// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A VM the lab comes with.
package struct LabVM: Sendable {
  package let name: String
  let memoryInMB: Int
  let hasDataDisk: Bool

  /// What runs at the first site.
  ///
  /// The first one is the story's; no VPG protects the others.
  package static let all = [
    LabVM(name: "web1", memoryInMB: 160, hasDataDisk: true),
    LabVM(name: "app1", memoryInMB: 128, hasDataDisk: false),
    LabVM(name: "db1", memoryInMB: 128, hasDataDisk: false),
  ]

  /// The targets of the disks: boot disk first.
  var targets: [String] { hasDataDisk ? ["vda", "vdb"] : ["vda"] }

  func diskPath(_ target: String, at site: LabSite) -> String {
    "\(site.datastoreFolder)/\(name)/\(name)-\(target).raw"
  }

  /// libvirt's description of the VM.
  func domain(at site: LabSite, allowsKVM: Bool) -> String {
    let disks = targets.map { target in
      """
          <disk type='file' device='disk'>
            <driver name='qemu' type='raw'/>
            <source file='\(diskPath(target, at: site))'/>
            <target dev='\(target)' bus='virtio'/>
          </disk>
      """
    }.joined(separator: "\n")
    return """
      <domain type='\(allowsKVM ? "kvm" : "qemu")'>
        <name>\(name)</name>
        <memory unit='MiB'>\(memoryInMB)</memory>
        <vcpu>1</vcpu>
        <os><type arch='x86_64' machine='pc'>hvm</type></os>
        <features><acpi/></features>
        <devices>
      \(disks)
          <controller type='usb' model='none'/>
          <interface type='network'>
            <source network='production'/>
            <model type='virtio'/>
          </interface>
          <channel type='unix'>
            <target type='virtio' name='org.qemu.guest_agent.0'/>
          </channel>
          <serial type='pty'>
            <log file='\(site.logFile(name + "-console"))' append='on'/>
          </serial>
          <memballoon model='none'/>
        </devices>
      </domain>
      """
  }
}
