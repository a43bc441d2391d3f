// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#include "CChecksum.h"
#include <string.h>

static uint32_t by_bit(uint32_t crc, const uint8_t *p, size_t count) {
  while (count--) {
    crc ^= *p++;
    for (int bit = 0; bit < 8; bit++)
      crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
  }
  return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t count) {
  uint64_t wide = crc;
  for (; count >= 8; count -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  crc = (uint32_t)wide;
  while (count--)
    crc = _mm_crc32_u8(crc, *p++);
  return crc;
}

uint32_t understudy_crc32c(uint32_t crc, const void *bytes, size_t count) {
  if (__builtin_cpu_supports("sse4.2"))
    return ~by_instruction(~crc, bytes, count);
  return ~by_bit(~crc, bytes, count);
}
#else
uint32_t understudy_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return ~by_bit(~crc, bytes, count);
}
#endif
