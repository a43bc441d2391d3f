// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension IndexView {
  /// Reads bytes of an extent, from one of its bytes on; false if it is not what was written.
  ///
  /// The whole extent is read and summed up, whatever part of it is wanted: what is given is good.
  /// `bytes` are worth nothing otherwise.
  func read(
    _ extent: Extent,
    from start: Int,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(StorageError) -> Bool {
    guard bytes.count < extent.count else { return unsafe try read(extent, into: bytes) }
    let result = unsafe withUnsafeTemporaryAllocation(byteCount: extent.count, alignment: 16) {
      whole -> Result<Bool, StorageError> in
      do throws(StorageError) {
        guard unsafe try read(extent, into: whole) else { return .success(false) }
        unsafe bytes.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: whole[start..<start + bytes.count])
        )
        return .success(true)
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  private func read(
    _ extent: Extent,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(StorageError) -> Bool {
    unsafe try file(extent.segment).read(at: UInt64(extent.fileOffset), into: bytes)
    return unsafe Checksum.of(UnsafeRawBufferPointer(bytes)) == extent.checksum
  }
}
