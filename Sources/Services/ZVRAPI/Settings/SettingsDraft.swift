// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

/// A VPG's settings while somebody works on them: the tree that clients read and write.
struct SettingsDraft: Sendable {
  let identifier: String
  /// The VPG as it was when its editing began; nil for a new one.
  let base: VPGDefinition?
  private(set) var tree: APIObject

  /// Begins a draft, blank or filled from `tree`.
  init(identifier: String, base: VPGDefinition?, tree: APIObject = SettingsShapes.tree.blank) {
    self.identifier = identifier
    self.base = base
    self.tree = tree
    self.tree["VpgIdentifier"] = .identifier(base?.identifier)
    self.tree["VpgSettingsIdentifier"] = .string(identifier)
  }

  var protectedSite: SiteIdentifier? {
    tree.value("Basic", "ProtectedSiteIdentifier").readText.map { SiteIdentifier($0.lowercased()) }
  }

  var vms: [APIObject] { (tree["Vms"]?.items ?? []).compactMap(\.object) }

  /// Changes everything that `body` holds.
  ///
  /// The VMs it lists become the draft's VMs.
  ///
  /// `machines`: The hypervisor's view of the VMs that the draft does not have yet.
  mutating func change(
    _ body: APIObject,
    machines: [VMIdentifier: VirtualMachine],
    nulls: ObjectShape.NullMeaning
  ) throws(APIError) {
    var changed = self
    var rest = body
    rest["Vms"] = nil
    try SettingsShapes.tree.apply(rest, to: &changed.tree, at: "", nulls: nulls)
    if let wanted = body["Vms"], wanted != .null {
      guard let items = wanted.items else { throw .invalid("Vms is not a list") }
      let old = changed.vms
      changed.setVMs([])
      for item in items {
        guard let entry = item.object else { throw .invalid("Vms is not a list of objects") }
        try changed.add(entry, machines: machines, old: old)
      }
    }
    _ = try changed.retention()
    self = changed
  }

  mutating func change(_ part: SettingsPart, _ body: APIObject) throws(APIError) {
    var object = tree[part.member]?.object ?? part.shape.blank
    try part.shape.apply(body, to: &object, at: part.member, nulls: .clear)
    var changed = self
    changed.tree[part.member] = .object(object)
    _ = try changed.retention()
    self = changed
  }

  mutating func reset(_ part: SettingsPart) { tree[part.member] = part.initial }

  // MARK: VMs

  /// Adds a VM with its disks and cards, and changes what the entry says beyond its identifier.
  mutating func addVM(
    _ entry: APIObject,
    machines: [VMIdentifier: VirtualMachine]
  ) throws(APIError) {
    try add(entry, machines: machines, old: [])
  }

  private mutating func add(
    _ entry: APIObject,
    machines: [VMIdentifier: VirtualMachine],
    old: [APIObject]
  ) throws(APIError) {
    guard let name = try entry.text("VmIdentifier", ""), !name.isEmpty else {
      throw .invalid("VmIdentifier is missing")
    }
    guard !vms.contains(where: { $0["VmIdentifier"] == .string(name) }) else {
      throw .invalid("the VM \(name) is there twice")
    }
    var vm: APIObject
    if let kept = old.first(where: { $0["VmIdentifier"] == .string(name) }) {
      vm = kept
    } else if let machine = machines[VMIdentifier(name)] {
      vm = Self.entry(for: machine)
    } else {
      throw .invalid("the protected site has no VM \(name)")
    }
    try SettingsShapes.vm.apply(entry, to: &vm, at: "Vms", nulls: .clear)
    setVMs(vms + [vm])
  }

  func vm(_ name: String) throws(APIError) -> APIObject {
    guard let vm = vms.first(where: { $0["VmIdentifier"] == .string(name) }) else {
      throw .notFound("the settings have no VM \(name)")
    }
    return vm
  }

  mutating func changeVM(_ name: String, _ body: APIObject) throws(APIError) {
    var vm = try vm(name)
    try SettingsShapes.vm.apply(body, to: &vm, at: "Vms", nulls: .clear)
    replace(name, with: vm)
  }

  mutating func removeVM(_ name: String) throws(APIError) {
    _ = try vm(name)
    setVMs(vms.filter { $0["VmIdentifier"] != .string(name) })
  }

  private mutating func replace(_ name: String, with vm: APIObject) {
    setVMs(vms.map { $0["VmIdentifier"] == .string(name) ? vm : $0 })
  }

  private mutating func setVMs(_ vms: [APIObject]) {
    tree["Vms"] = .list(vms.map(APIValue.object), element: SettingsShapes.vm.type)
  }

  // MARK: Cards and disks

  /// A card or a disk of a VM.
  func device(_ device: Device, _ identifier: String, of vm: String) throws(APIError) -> APIObject {
    let devices = try self.vm(vm)[device.member]?.items ?? []
    guard
      let found = devices.first(where: {
        $0.object?[device.key]?.readText?.isSame(as: identifier) == true
      })?.object
    else { throw .notFound("the VM \(vm) has no \(identifier)") }
    return found
  }

  mutating func changeDevice(
    _ device: Device,
    _ identifier: String,
    of vm: String,
    _ body: APIObject
  ) throws(APIError) {
    var object = try self.device(device, identifier, of: vm)
    try device.shape.apply(body, to: &object, at: device.member, nulls: .clear)
    try replace(device, object, of: vm)
  }

  /// Sets a card or disk back to what it was when the VM was added.
  mutating func resetDevice(
    _ device: Device,
    _ identifier: String,
    of vm: String
  ) throws(APIError) {
    let old = try self.device(device, identifier, of: vm)
    var object = device.shape.blank
    object[device.key] = old[device.key]
    try replace(device, object, of: vm)
  }

  private mutating func replace(
    _ device: Device,
    _ object: APIObject,
    of name: String
  ) throws(APIError) {
    var vm = try self.vm(name)
    let devices = (vm[device.member]?.items ?? []).map {
      $0.object?[device.key] == object[device.key] ? .object(object) : $0
    }
    vm[device.member] = .list(devices, element: device.shape.type)
    replace(name, with: vm)
  }

  /// The parts of a VM that have calls of their own.
  enum Device: Sendable {
    case nic
    case volume

    var member: String { self == .nic ? "Nics" : "Volumes" }
    var key: String { self == .nic ? "NicIdentifier" : "VolumeIdentifier" }
    var shape: ObjectShape { self == .nic ? SettingsShapes.nic : SettingsShapes.volume }

    /// A device as it is before anybody changes it.
    func blank(_ identifier: String) -> APIValue {
      var object = shape.blank
      object[key] = .string(identifier)
      return .object(object)
    }
  }

  /// The entry of a VM that is not in a VPG yet.
  private static func entry(for machine: VirtualMachine) -> APIObject {
    var vm = SettingsShapes.vm.blank
    vm["VmIdentifier"] = .identifier(machine.identifier)
    vm["Volumes"] = .list(
      machine.disks.map { Device.volume.blank($0.identifier.rawValue) },
      element: SettingsShapes.volume.type
    )
    vm["Nics"] = .list(
      machine.nics.map { Device.nic.blank($0.identifier.rawValue) },
      element: SettingsShapes.nic.type
    )
    return vm
  }
}
