// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#ifndef CCHECKSUM_H
#define CCHECKSUM_H
#include <stddef.h>
#include <stdint.h>

/// CRC32C (Castagnoli, RFC 3720 appendix B.4) of `count` bytes, going on from `crc`, which is 0
/// for the first piece. Uses the processor's instruction where it has one.
uint32_t understudy_crc32c(uint32_t crc, const void *bytes, size_t count);

/// 1 if `count` bytes are all zero, else 0. Quick to say no.
int understudy_is_zero(const void *bytes, size_t count);

#endif
