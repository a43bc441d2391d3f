// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The folders that become the guest's file systems.
enum GuestTree {
  /// The initial ram disk: busybox, drivers and the first stage.
  static func ramDisk(at folder: String, modules: String) async throws -> String {
    try makeFolders(["bin", "proc", "sys", "dev", "mnt", "m"], in: folder)
    try await copyBusybox(to: folder)
    var order = ""
    for driver in GuestFiles.drivers {
      let file = "\(modules)/\(driver).ko"
      guard FileManager.default.fileExists(atPath: file) else { continue }
      let name = URL(filePath: file).lastPathComponent
      try FileManager.default.copyItem(atPath: file, toPath: "\(folder)/m/\(name)")
      order += name + "\n"
    }
    guard order.contains("virtio_blk.ko") else {
      throw LabError("\(modules) has no virtio_blk driver: not a kernel the guest can use")
    }
    try write(order, to: folder + "/m/order")
    try write(GuestFiles.firstStage, to: folder + "/init", isProgram: true)
    return folder
  }

  /// The root file system: busybox, the guest agent with its libraries, the scripts.
  static func root(at folder: String, packages: String) async throws -> String {
    try makeFolders(
      [
        "bin", "sbin", "usr/sbin", "proc", "sys", "dev", "run", "tmp", "etc", "var/run", "var/log",
        "data", "vdb", "www",
      ],
      in: folder
    )
    try await copyBusybox(to: folder)
    for program in GuestFiles.programs {
      try link("busybox", at: "\(folder)/bin/\(program)")
    }
    try await copyAgent("\(packages)/usr/sbin/qemu-ga", to: folder)
    try write(GuestFiles.initialProcess, to: folder + "/sbin/init", isProgram: true)
    try write(GuestFiles.writer, to: folder + "/sbin/writer", isProgram: true)
    try write(GuestFiles.ransomware, to: folder + "/sbin/ransomware", isProgram: true)
    try write(GuestFiles.shutdown, to: folder + "/sbin/shutdown", isProgram: true)
    try write(GuestFiles.addressTaken, to: folder + "/etc/udhcpc.sh", isProgram: true)
    for (page, file) in GuestFiles.pages { try link(file, at: "\(folder)/www/\(page)") }
    return folder
  }

  private static func copyBusybox(to folder: String) async throws {
    let busybox = "/bin/busybox"
    // A dynamic one would start in neither of the guest's file systems.
    let libraries = try await Program.attempt(["ldd", busybox])
    guard
      libraries.output.contains("not a dynamic executable")
        || libraries.output.contains("statically linked")
    else { throw LabError("\(busybox) is not static: install the package busybox-static") }
    try FileManager.default.copyItem(atPath: busybox, toPath: folder + "/bin/busybox")
  }

  private static func copyAgent(_ agent: String, to folder: String) async throws {
    let files = FileManager.default
    try files.copyItem(atPath: agent, toPath: folder + "/usr/sbin/qemu-ga")
    for line in try await Program.run(["ldd", agent]).split(separator: "\n") {
      if line.contains("not found") { throw LabError("the guest agent needs a library:\(line)") }
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let path = words.first(where: { $0.hasPrefix("/") }) else { continue }
      let target = folder + path
      try files.createDirectory(
        at: URL(filePath: target).deletingLastPathComponent(),
        withIntermediateDirectories: true
      )
      // The file behind the link; the link's name is what the loader looks for.
      try files.copyItem(
        at: URL(filePath: String(path)).resolvingSymlinksInPath(),
        to: URL(filePath: target)
      )
    }
  }

  private static func makeFolders(_ names: [String], in folder: String) throws {
    for name in names {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)",
        withIntermediateDirectories: true
      )
    }
  }

  private static func write(_ text: String, to path: String, isProgram: Bool = false) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
    try FileManager.default.setAttributes(
      [.posixPermissions: isProgram ? 0o755 : 0o644],
      ofItemAtPath: path
    )
  }

  private static func link(_ target: String, at path: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }
}
