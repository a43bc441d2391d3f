// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Another host's domain as it is defined here.
///
/// Whatever the guest can see stays as it was. What is changed is who the domain is, where its
/// disks and cards lead, and what only its old host has: `docs/operating/recovered-vms.md` lists
/// all of it, and a test shows it line by line.
struct MovedDomain {
  /// Settings that name processors, memory nodes, groups, labels or devices of the old host.
  private static let hostBoundTuning: Set<String> = [
    "vcpupin", "emulatorpin", "iothreadpin", "cachetune", "memorytune",
  ]

  let model: XMLTree
  let plan: RecoveredDomain

  private var usesKVM: Bool { model.attributes["type"] == "kvm" && plan.host.offersKVM }
  /// Whether a VM that ran on the processor itself is emulated here.
  private var losesKVM: Bool { model.attributes["type"] == "kvm" && !usesKVM }

  var xml: XMLTree {
    var domain = model.without("seclabel", "resource", "numatune")
      .with(["type": usesKVM ? "kvm" : "qemu", "id": nil])
    domain.change("name") { _ in XMLTree("name", text: plan.name) }
    domain.change("uuid") { _ in XMLTree("uuid", text: plan.uuid) }
    domain.change("sysinfo", sysinfo)
    // A guest has to notice that it is at an earlier point: libvirt makes a new one.
    domain.change("genid") { _ in XMLTree("genid") }
    domain.change("vcpu") { $0.with(["cpuset": nil]) }
    domain.change("cputune") { tuning in
      var tuning = tuning
      tuning.children.removeAll { Self.hostBoundTuning.contains($0.name) }
      return tuning.unlessEmpty
    }
    domain.change("blkiotune") { $0.without("device").unlessEmpty }
    domain.change("memoryBacking") { $0.without("hugepages").unlessEmpty }
    domain.change("os", os)
    domain.change("devices") { MovedDevices(model: $0, plan: plan).xml }
    if losesKVM { emulate(&domain) }
    mark(&domain)
    if let resource = plan.resource {
      let vcpu = domain.children.firstIndex { $0.name == "vcpu" }
      domain.children.insert(resource, at: vcpu.map { $0 + 1 } ?? domain.children.count)
    }
    return domain
  }

  private func sysinfo(_ sysinfo: XMLTree) -> XMLTree {
    var sysinfo = sysinfo
    sysinfo.change("system") { system in
      var system = system
      // libvirt refuses one that is not the domain's.
      system.change("entry") {
        guard $0.attributes["name"] == "uuid" else { return $0 }
        return XMLTree("entry", ["name": "uuid"], text: plan.uuid)
      }
      return system
    }
    return sysinfo
  }

  /// The same firmware, by its path if this host has it there, else by what it has to offer; and
  /// variables at the place libvirt chooses.
  private func os(_ os: XMLTree) -> XMLTree {
    var os = os
    let isHere = plan.host.loaders.contains(os["loader"]?.text ?? "")
    let isFlash = os["loader"]?.attributes["type"] == "pflash"
    if !isHere {
      if isFlash { os.attributes["firmware"] = "efi" }
      os.change("loader") { loader in
        let kept = loader.attributes.filter { ["secure", "stateless"].contains($0.key) }
        return XMLTree("loader", kept).unlessEmpty
      }
    }
    os.change("nvram") { nvram in
      let kept = nvram.attributes.filter {
        $0.key == "format" || isHere && ["template", "templateFormat"].contains($0.key)
      }
      return XMLTree("nvram", kept).unlessEmpty
    }
    return os
  }

  /// Leaves out what only KVM does.
  private func emulate(_ domain: inout XMLTree) {
    domain.change("cpu") { cpu in
      let kept = cpu.children.filter { ["topology", "numa"].contains($0.name) }
      return XMLTree("cpu", ["mode": "maximum"], kept)
    }
    domain.change("features") { $0.without("kvm", "hyperv") }
    domain.change("clock") { clock in
      var clock = clock
      clock.change("timer") {
        ["kvmclock", "hypervclock"].contains($0.attributes["name"] ?? "") ? nil : $0
      }
      return clock
    }
  }

  private func mark(_ domain: inout XMLTree) {
    if domain["metadata"] == nil { domain.children.insert(XMLTree("metadata"), at: 2) }
    domain.change("metadata") { metadata in
      var metadata = metadata
      metadata.children.removeAll { $0.name == RecoveredDomain.mark }
      metadata.children.append(plan.markElement)
      return metadata
    }
  }
}
