// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// An entry that is not the same at two points.
package struct FileChange: Sendable, Equatable {
  /// nil if it was added.
  package var before: FileRecord?
  /// nil if it was removed.
  package var after: FileRecord?

  package init(before: FileRecord?, after: FileRecord?) {
    self.before = before
    self.after = after
  }

  /// What can be different of an entry that is there at both points.
  package enum Aspect: String, Sendable, CaseIterable {
    case kind, size, modified, mode, owner, linkTarget
    /// Something wrote to the inode: attributes, or content whose time was set back.
    case changed
  }

  /// What is different; empty if it is the same, or is there at one point only.
  ///
  /// A folder's size and times follow from its entries, which are told one by one.
  package var aspects: [Aspect] {
    guard let before, let after else { return [] }
    guard before.kind == after.kind else { return [.kind] }
    let isFolder = after.kind == .folder
    return Aspect.allCases.filter { aspect in
      switch aspect {
      case .kind: false
      case .size: !isFolder && before.byteCount != after.byteCount
      case .modified: !isFolder && before.modified != after.modified
      case .mode: before.mode != after.mode
      case .owner: before.user != after.user || before.group != after.group
      case .linkTarget: before.linkTarget != after.linkTarget
      case .changed: !isFolder && before.changed != after.changed
      }
    }
  }
}

/// Finds the changes between two walks of one folder: records in, in ``FileRecord/format``'s order,
/// changes out.
package struct FileMerge {
  private var before: FileRecord?
  private var after: FileRecord?
  private var hasBegun = false
  /// How many entries were looked at, of both.
  package private(set) var lookedAtCount = 0

  package init() {}

  /// The next change; nil at the end of both.
  package mutating func next(
    before nextBefore: () throws(FileRestoreError) -> FileRecord?,
    after nextAfter: () throws(FileRestoreError) -> FileRecord?
  ) throws(FileRestoreError) -> FileChange? {
    if !hasBegun {
      hasBegun = true
      (before, after) = (try nextBefore(), try nextAfter())
    }
    while true {
      switch (before, after) {
      case (nil, nil): return nil
      case (let old?, let new?) where old.path == new.path:
        lookedAtCount += 2
        (before, after) = (try nextBefore(), try nextAfter())
        let change = FileChange(before: old, after: new)
        if !change.aspects.isEmpty { return change }
      case (let old?, let new) where new.map(old.precedes) ?? true:
        lookedAtCount += 1
        before = try nextBefore()
        return FileChange(before: old, after: nil)
      case (_, let new):
        lookedAtCount += 1
        after = try nextAfter()
        return FileChange(before: nil, after: new)
      }
    }
  }
}
