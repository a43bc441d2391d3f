// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import FileRestore
import Foundation
import Testing

/// Real file systems, read through libguestfs.
///
/// Starting its virtual machine takes some twenty seconds without KVM, so that one test looks at
/// all of it.
@Suite(.serialized) struct `Files of a guest's disks` {
  private static let cache = NSTemporaryDirectory() + "us-files-cache"

  /// Two disks: one partitioned with ext4 (in use: its journal is not replayed), XFS, NTFS, FAT
  /// and one damaged, and one that is an ext4 file system as a whole.
  private static let script = #"""
    mkdir -p tree/many && printf 150 >tree/seq && printf hello >'tree/with space'
    printf nl >$'tree/new\nline' && printf utf >'tree/höhe' && printf q >$'tree/q"\\$`|x'
    ln -s /etc/passwd tree/out && ln -s ../../../../../etc/passwd tree/up && mkfifo tree/pipe
    truncate -s 3G tree/sparse && printf end >>tree/sparse
    head -c 9000000 /dev/urandom >tree/big
    (cd tree/many && seq -f 'f%05g' 1 5000 | xargs touch)
    truncate -s 96M ext4 && mkfs.ext4 -q -b 4096 -d tree ext4
    head -c 4096 /dev/zero >block && printf 158 | dd of=block conv=notrunc status=none
    at=$(debugfs -R 'blocks /seq' ext4 2>/dev/null | awk '{print $1}')
    printf 'jo\njw -b %s block\njc\n' "$at" | debugfs -w -f - ext4
    truncate -s 320M xfs && printf 'x\n0 0\nd--755 0 0\nfile ---644 0 0 block\n$\n' >prototype
    mkfs.xfs -q -p prototype xfs
    truncate -s 16M ntfs && mkntfs -q -F -Q ntfs && printf ntfs >small && ntfscp -q ntfs small file
    truncate -s 16M fat && mkfs.vfat fat && mcopy -i fat small ::file
    cp ext4 damaged
    dd if=/dev/urandom of=damaged bs=4096 seek=1 count=64 conv=notrunc status=none
    debugfs -w -R 'rm block' damaged >/dev/null 2>&1 || true
    truncate -s 600M disk
    printf 'start=%s,size=%s\n' 2048 196608 198656 655360 854016 32768 886784 32768 \
      919552 196608 | sed '1i label: gpt' |
      sfdisk -q disk
    dd if=ext4 of=disk bs=512 seek=2048 conv=notrunc,sparse status=none
    dd if=xfs of=disk bs=512 seek=198656 conv=notrunc,sparse status=none
    dd if=ntfs of=disk bs=512 seek=854016 conv=notrunc,sparse status=none
    dd if=fat of=disk bs=512 seek=886784 conv=notrunc,sparse status=none
    dd if=damaged of=disk bs=512 seek=919552 conv=notrunc,sparse status=none
    mv ext4 whole
    """#

  @Test(.timeLimit(.minutes(5)))
  func `are listed and read after journal replay, and nothing of the host is`() throws {
    setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1)
    let image = try GuestImage()
    defer { image.remove() }
    try image.make(Self.script)
    let reader = try FileReader(
      disks: [
        .init(name: "vda", socketPath: try image.serve("disk"), exportName: "scsi:0:0"),
        .init(name: "vdb", socketPath: try image.serve("whole"), exportName: "scsi:0:0"),
      ],
      folder: image.folder + "/session",
      cacheFolder: Self.cache,
      user: nil
    )
    defer { reader.close() }
    let top = try reader.list("/", first: 0, count: 100).entries.map(\.path)
    #expect(top.prefix(4) == ["/vda1", "/vda2", "/vda3", "/vda4"])
    #expect(top.last == "/vdb")
    try checkContents(reader)
    try checkNames(reader)
    try checkStreams(reader, image)
    try checkRefusals(reader)
  }

  private func checkContents(_ reader: FileReader) throws {
    // The disk says 150, its journal 158.
    #expect(try text("/vda1/seq", reader).prefix(3) == "158")
    #expect(try text("/vda2/file", reader).prefix(3) == "158")
    #expect(try text("/vda3/file", reader) == "ntfs")
    #expect(try text("/vda4/file", reader) == "ntfs")
  }

  private func checkNames(_ reader: FileReader) throws {
    let listing = try reader.list("/vdb", first: 0, count: 100)
    let names = listing.entries.map { String($0.path.dropFirst("/vdb/".count)) }
    for name in ["with space", "new\nline", "höhe", "q\"\\$`|x"] {
      #expect(names.contains(name))
    }
    #expect(try text("/vdb/with space", reader) == "hello")
    #expect(try text("/vdb/new\nline", reader) == "nl")
    #expect(try text("/vdb/höhe", reader) == "utf")
    #expect(try text("/vdb/q\"\\$`|x", reader) == "q")
    let link = listing.entries.first { $0.path == "/vdb/out" }
    #expect(link?.kind == .link)
    #expect(link?.linkTarget == "/etc/passwd")
    let page = try reader.list("/vdb/many", first: 4000, count: 3)
    #expect(page.totalCount == 5000)
    #expect(page.entries.map(\.path) == (4001...4003).map { "/vdb/many/f0\($0)" })
  }

  private func checkStreams(_ reader: FileReader, _ image: GuestImage) throws {
    let big = try reader.content(of: "/vda1/big")
    #expect(big.byteCount == 9_000_000)
    #expect(throws: FileRestoreError.self) { try reader.list("/", first: 0, count: 1) }
    var bytes = Data()
    while let next = try big.next() { bytes.append(contentsOf: next) }
    #expect(bytes == FileManager.default.contents(atPath: image.folder + "/tree/big"))
    // Given up after its first bytes: the session can be used at once.
    let sparse = try reader.content(of: "/vdb/sparse")
    #expect(sparse.byteCount == 3 << 30 + 3)
    #expect(try sparse.next()?.isEmpty == false)
    sparse.close()
    #expect(try text("/vdb/seq", reader).prefix(3) == "158")
    let archive = try reader.content(of: "/vda4")
    #expect(archive.byteCount == nil)
    var tar = Data()
    while let next = try archive.next() { tar.append(contentsOf: next) }
    try tar.write(to: URL(filePath: image.folder + "/got.tar"))
    try image.make("mkdir got && tar -C got -xf got.tar && cmp got/file small")
  }

  private func checkRefusals(_ reader: FileReader) throws {
    for path in ["/vdb/out", "/vdb/up", "/vdb/pipe", "/vdb/none", "/vdb/seq/x", "/vdb/../etc"] {
      #expect(throws: FileRestoreError.self, "\(path)") { try reader.content(of: path) }
    }
    #expect(throws: FileRestoreError.notFound("There is no /etc/passwd.")) {
      try reader.content(of: "/etc/passwd")
    }
    #expect(throws: FileRestoreError.invalid("/vdb/seq is not a folder.")) {
      try reader.list("/vdb/seq", first: 0, count: 1)
    }
  }

  private func text(_ path: String, _ reader: FileReader) throws -> String {
    let content = try reader.content(of: path)
    var bytes: [UInt8] = []
    while let next = try content.next() { bytes += next }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(.timeLimit(.minutes(3)))
  func `of a disk without any are refused in words, and nothing is left`() throws {
    setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1)
    let image = try GuestImage()
    defer { image.remove() }
    try image.make("head -c 4M /dev/urandom >noise")
    let session = image.folder + "/session"
    let disk = FileReader.Disk(
      name: "vda",
      socketPath: try image.serve("noise"),
      exportName: "scsi:0:0"
    )
    let error = #expect(throws: FileRestoreError.self) {
      _ = try FileReader(
        disks: [disk],
        folder: session,
        cacheFolder: Self.cache,
        user: nil
      )
    }
    #expect(error?.description.hasPrefix("No file system of the VM can be read") == true)
    #expect(!FileManager.default.fileExists(atPath: session))
  }
}
