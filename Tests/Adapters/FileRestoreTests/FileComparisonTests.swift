// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import FileRestore
import Foundation
import Testing

/// Two states of real file systems, compared through libguestfs.
@Suite(.serialized) struct `Files that changed` {
  /// ext4, XFS, NTFS and FAT before, and copies of them that libguestfs writes to.
  private static let script = #"""
    mkdir -p tree/same/deep && ln -s here tree/link
    for name in written secret gone mode type same/deep/a $'new\nline' $'not\xfftext' "it's"
    do printf 1 >"tree/$name"; done
    mkdir tree/many && (cd tree/many && seq -f 'f%05g' 1 3000 | xargs touch)
    touch -d @1000 tree/secret
    truncate -s 64M ext4 && mkfs.ext4 -q -d tree ext4
    printf 1 >one && printf '22' >two
    printf 'x\n0 0\nd--755 0 0\n%s ---644 0 0 one\n%s ---644 0 0 one\n$\n' written gone >prototype
    truncate -s 320M xfs && mkfs.xfs -q -p prototype xfs
    truncate -s 16M ntfs && mkntfs -q -F -Q ntfs
    for name in written gone; do ntfscp -q ntfs one $name; done
    truncate -s 16M fat && mkfs.vfat fat && mcopy -i fat one ::written && mcopy -i fat one ::gone
    head -c 1M /dev/urandom >noise
    for name in ext4 xfs ntfs fat; do cp $name $name.after; done
    export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg
    guestfish --format=raw -a ext4.after -a xfs.after -a ntfs.after -a fat.after <<'END'
    run
    mkmountpoint /a
    mkmountpoint /b
    mkmountpoint /c
    mkmountpoint /d
    mount /dev/sda /a
    mount-options nouuid /dev/sdb /b
    mount /dev/sdc /c
    mount /dev/sdd /d
    upload two /a/written
    upload two /b/written
    upload two /c/written
    upload two /d/written
    rm /a/gone
    rm /b/gone
    rm /c/gone
    rm /d/gone
    upload one /a/added
    upload one /b/added
    upload one /c/added
    upload one /d/added
    write /a/secret 2
    utimens /a/secret 0 -2 1000 0
    chmod 0600 /a/mode
    chown 33 4 /a/same
    rm /a/type
    mkdir /a/type
    ln-sf there /a/link
    upload one "/a/new\nline2"
    rm /a/many/f00007
    END
    """#

  @Test(.timeLimit(.minutes(6)))
  func `are found in every file system, and nothing else is`() throws {
    setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1)
    setenv("LIBGUESTFS_CACHEDIR", FileReaderBench.cache, 1)
    try FileManager.default.createDirectory(
      atPath: FileReaderBench.cache,
      withIntermediateDirectories: true
    )
    let image = try GuestImage()
    defer { image.remove() }
    try image.make(Self.script)
    let before = try FileReaderBench.reader(of: image, ["ext4", "xfs", "ntfs", "fat"], "before")
    defer { before.close() }
    let after = try FileReaderBench.reader(of: image, ["ext4", "xfs", "ntfs", "fat"], "after")
    defer { after.close() }
    #expect(after.fileSystems == ["ext4", "xfs", "ntfs", "fat"])
    let found = try changes("/ext4", before, after)
    #expect(
      found == [
        "+ added", "- gone", "~ link size modified linkTarget changed", "- many/f00007",
        "~ mode mode changed",
        "+ new\nline2", "~ same owner", "~ secret changed", "~ type kind",
        "~ written size modified changed",
      ]
    )
    for name in ["/xfs", "/ntfs", "/fat"] {
      let found = try changes(name, before, after)
      #expect(found.prefix(2) == ["+ added", "- gone"], "\(name)")
      #expect(found.count == 3 && found[2].hasPrefix("~ written size"), "\(name): \(found)")
    }
    #expect(try changes("/ext4/many", before, after) == ["- f00007"])
    #expect(try changes("/ext4/same/deep", before, after).isEmpty)
    try checkWalks(before, after)
  }

  /// One that is given up leaves the session as it was, and what is no folder is refused.
  private func checkWalks(_ before: FileReader, _ after: FileReader) throws {
    let walk = try before.walk("/ext4")
    #expect(try walk.next() != nil)
    #expect(throws: FileRestoreError.self) { try before.list("/", first: 0, count: 1) }
    walk.close()
    #expect(try before.list("/", first: 0, count: 9).entries.count == 4)
    #expect(throws: FileRestoreError.notFound("There is no /ext4/none.")) {
      _ = try before.walk("/ext4/none")
    }
    #expect(throws: FileRestoreError.invalid("/ext4/mode is not a folder.")) {
      _ = try after.walk("/ext4/mode")
    }
    var names: [[UInt8]] = []
    let all = try before.walk("/ext4")
    while let record = try all.next() { names.append(record.path) }
    #expect(names.contains(Array("not".utf8) + [0xff] + Array("text".utf8)))
    #expect(names.contains(Array("it's".utf8)) && names.contains(Array("new\nline".utf8)))
    #expect(names.count == 3014)
  }

  private func changes(
    _ folder: String,
    _ before: FileReader,
    _ after: FileReader
  ) throws -> [String] {
    let (old, new) = (try before.walk(folder), try after.walk(folder))
    var merge = FileMerge()
    var found: [String] = []
    while let change = try merge.next(
      before: { () throws(FileRestoreError) in try old.next() },
      after: { () throws(FileRestoreError) in try new.next() }
    ) {
      let name = String(decoding: (change.after ?? change.before)?.path ?? [], as: UTF8.self)
      let aspects = change.aspects.map { " \($0)" }.joined()
      found.append(
        (change.before == nil ? "+ " : change.after == nil ? "- " : "~ ") + name + aspects
      )
    }
    return found
  }
}

/// Readers of images, each a disk named as the image is.
enum FileReaderBench {
  static let cache = NSTemporaryDirectory() + "us-files-cache"

  static func reader(of image: GuestImage, _ names: [String], _ state: String) throws -> FileReader
  {
    try FileReader(
      disks: names.map { name in
        FileReader.Disk(
          name: name,
          socketPath: try image.serve(state == "after" ? name + ".after" : name),
          exportName: "scsi:0:0"
        )
      },
      folder: image.folder + "/session-" + state,
      cacheFolder: cache,
      user: nil
    )
  }
}
