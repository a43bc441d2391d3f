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
  /// The VMs it lists are added or changed; the others stay, since clients list those alone that
  /// they change. Only ``removeVM(_:)`` takes one out.
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
      var listed: Set<String> = []
      for item in items {
        guard let entry = item.object else { throw .invalid("Vms is not a list of objects") }
        let name = try Self.name(of: entry)
        guard listed.insert(name).inserted else { throw .invalid("the VM \(name) is there twice") }
        if changed.vms.contains(where: { $0["VmIdentifier"] == .string(name) }) {
          try changed.changeVM(name, entry)
        } else {
          try changed.addVM(entry, machines: machines)
        }
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
    let name = try Self.name(of: entry)
    guard !vms.contains(where: { $0["VmIdentifier"] == .string(name) }) else {
      throw .invalid("the VM \(name) is there twice")
    }
    guard let machine = machines[VMIdentifier(name)] else {
      throw .invalid("the protected site has no VM \(name)")
    }
    var vm = Self.entry(for: machine)
    try SettingsShapes.vm.apply(entry, to: &vm, at: "Vms", nulls: .clear)
    setVMs(vms + [vm])
  }

  private static func name(of entry: APIObject) throws(APIError) -> String {
    guard let name = try entry.text("VmIdentifier", ""), !name.isEmpty else {
      throw .invalid("VmIdentifier is missing")
    }
    return name
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
