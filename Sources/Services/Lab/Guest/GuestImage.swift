// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Builds the demo's guest of Debian packages: a boot disk that starts by itself and a data disk.
///
/// No loop device and no mount is needed: MBR and a FAT partition with syslinux, kernel and
/// initial ram disk, then an ext4 partition filled by `mkfs.ext4 -d`. It starts by a BIOS, and by
/// a UEFI firmware.
struct GuestImage {
  /// Where packages and finished images are kept.
  let cacheFolder: String

  /// The finished images.
  struct Disks: Sendable {
    let boot: String
    let data: String
  }

  private static let sectorByteCount = 512
  private static let megabyte = 1 << 20
  private static let bootDiskByteCount = 96 * megabyte
  private static let dataDiskByteCount = 64 * megabyte
  private static let loaderStart = 2048
  private static let loaderSectors = 65_536
  private static let rootStart = loaderStart + loaderSectors

  /// The images, built if the cache has none made by these very scripts.
  func disks(report: (String) -> Void) async throws -> Disks {
    let disks = Disks(
      boot: "\(cacheFolder)/boot-\(Self.fingerprint).raw",
      data: "\(cacheFolder)/data-\(Self.fingerprint).raw"
    )
    let files = FileManager.default
    if files.fileExists(atPath: disks.boot), files.fileExists(atPath: disks.data) { return disks }

    report("building the guest image of Debian packages")
    let work = "\(cacheFolder)/work-\(UUID().uuidString)"
    try files.createDirectory(atPath: work, withIntermediateDirectories: true)
    defer { try? files.removeItem(atPath: work) }
    let packages = try await unpackPackages(into: work + "/packages", report: report)
    try await buildBootDisk(work + "/boot.raw", of: packages, in: work)
    try await buildDataDisk(work + "/data.raw")
    // Renamed at the end, so that two builds at the same time, or one cut short, do no harm.
    try Self.replace(disks.data, by: work + "/data.raw")
    try Self.replace(disks.boot, by: work + "/boot.raw")
    return disks
  }

  // MARK: Packages

  /// Where kernel and agent were unpacked to, and the kernel's version.
  private struct Packages {
    let folder: String
    let kernel: String
  }

  private func unpackPackages(
    into folder: String,
    report: (String) -> Void
  ) async throws -> Packages {
    let downloads = cacheFolder + "/packages"
    try FileManager.default.createDirectory(
      atPath: downloads,
      withIntermediateDirectories: true
    )
    let image = try await kernelPackage()
    for package in [image, "qemu-guest-agent"] {
      if try Self.file(startingWith: package + "_", in: downloads) == nil {
        report("downloading \(package)")
        try await Program.run(["apt-get", "download", package], in: downloads, seconds: 600)
      }
      guard let file = try Self.file(startingWith: package + "_", in: downloads) else {
        throw LabError("apt-get download \(package) brought no file to \(downloads)")
      }
      try await Program.run(["dpkg-deb", "-x", "\(downloads)/\(file)", folder], seconds: 300)
    }
    return Packages(folder: folder, kernel: String(image.dropFirst("linux-image-".count)))
  }

  /// The kernel of this Debian release for virtual machines, by its full package name.
  private func kernelPackage() async throws -> String {
    for attempt in 0..<2 {
      if attempt > 0 { try await Program.run(["apt-get", "update", "-q"], seconds: 600) }
      let depends = try await Program.attempt(
        ["apt-cache", "depends", "--important", "linux-image-cloud-amd64"])
      for line in depends.output.split(separator: "\n") {
        let word = line.split(separator: " ").last.map(String.init) ?? ""
        if line.contains("Depends:"), word.hasPrefix("linux-image-") { return word }
      }
    }
    throw LabError("apt knows no linux-image-cloud-amd64: is the Debian main archive enabled?")
  }

  private static func file(startingWith start: String, in folder: String) throws -> String? {
    try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasPrefix(start) && $0.hasSuffix(".deb") }.sorted().last
  }

  // MARK: Disks

  private func buildBootDisk(
    _ disk: String,
    of packages: Packages,
    in work: String
  ) async throws {
    let ramDisk = try await GuestTree.ramDisk(
      at: work + "/ramdisk",
      modules: "\(packages.folder)/lib/modules/\(packages.kernel)/kernel"
    )
    try await Program.run(
      ["sh", "-c", "find . | cpio --quiet -o -H newc | gzip -9 >../initrd.gz"],
      in: ramDisk
    )
    let root = try await GuestTree.root(at: work + "/root", packages: packages.folder)
    let loaderFiles = [
      "syslinux.cfg": Data(GuestFiles.bootLoader.utf8),
      "startup.nsh": Data(GuestFiles.firmwareScript.utf8),
      // An EFI program's options end with a zero.
      "bootopts": Data((GuestFiles.firmwareOptions + "\0").utf16.flatMap { [UInt8($0 & 255), 0] }),
    ]
    for (name, content) in loaderFiles { try content.write(to: URL(filePath: "\(work)/\(name)")) }

    try Self.makeSparse(disk, byteCount: Self.bootDiskByteCount)
    try await Program.run(
      ["sfdisk", "--quiet", disk],
      input: """
        label: dos
        start=\(Self.loaderStart),size=\(Self.loaderSectors),type=6,bootable
        start=\(Self.rootStart),type=83

        """
    )
    try await Program.run([
      "dd", "if=/usr/lib/syslinux/mbr/mbr.bin", "of=\(disk)", "conv=notrunc", "bs=440", "count=1",
    ])
    let offset = Self.loaderStart * Self.sectorByteCount
    try await Program.run([
      "mkfs.fat", "-F", "16", "--offset", "\(Self.loaderStart)", disk,
      "\(Self.loaderSectors * Self.sectorByteCount / 1024)",
    ])
    try await Program.run(["syslinux", "--install", "--offset", "\(offset)", disk])
    let loader = "\(disk)@@\(offset)"
    let kernel = "\(packages.folder)/boot/vmlinuz-\(packages.kernel)"
    let copy = ["env", "MTOOLS_SKIP_CHECK=1", "mcopy", "-i", loader]
    try await Program.run(copy + [kernel, "::vmlinuz"])
    try await Program.run(copy + ["initrd.gz"] + loaderFiles.keys.sorted() + ["::"], in: work)
    let rootOffset = Self.rootStart * Self.sectorByteCount
    try await Program.run([
      "mkfs.ext4", "-q", "-L", "root", "-d", root, "-E", "offset=\(rootOffset),no_copy_xattrs",
      "-F", disk, "\((Self.bootDiskByteCount - rootOffset) / 1024)k",
    ])
  }

  private func buildDataDisk(_ disk: String) async throws {
    try Self.makeSparse(disk, byteCount: Self.dataDiskByteCount)
    try await Program.run(["mkfs.ext4", "-q", "-L", "data", "-F", disk])
  }

  private static func makeSparse(_ path: String, byteCount: Int) throws {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      truncate(path, byteCount) == 0
    else { throw LabError("cannot make \(path): \(String(cString: strerror(errno)))") }
  }

  private static func replace(_ path: String, by new: String) throws {
    guard rename(new, path) == 0 else {
      throw LabError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }

  /// FNV-1a of all that goes into the image from here: changed scripts make a new image.
  private static let fingerprint: String = {
    let parts =
      [
        GuestFiles.firstStage, GuestFiles.initialProcess, GuestFiles.writer,
        GuestFiles.ransomware, GuestFiles.addressTaken, GuestFiles.shutdown,
        GuestFiles.bootLoader, GuestFiles.firmwareScript, GuestFiles.firmwareOptions,
      ] + GuestFiles.programs + GuestFiles.drivers + GuestFiles.pages.keys.sorted()
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in parts.joined(separator: "\0").utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 16)
  }()
}
