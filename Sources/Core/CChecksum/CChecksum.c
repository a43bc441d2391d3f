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

// The instruction takes a new word every cycle but needs three for one, so three lanes of a block
// are summed side by side. What a lane is worth so much further left in the message comes from a
// table: the sum is linear, so that of a word is the sum of its bytes'.
#define LANE_BYTES 1360
// The processor itself looks no further ahead than to the end of a page. What follows is wanted
// next as a rule, as payloads lie end to end; where nothing follows, asking for it does no harm.
#define AHEAD_BYTES 8192
static uint32_t lane_shift[4][256];

__attribute__((target("sse4.2")))
static uint32_t one_lane(uint32_t crc, const uint8_t *p, size_t count) {
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

__attribute__((constructor))
static void make_lane_shift(void) {
  static const uint8_t zeroes[LANE_BYTES];
  if (!__builtin_cpu_supports("sse4.2"))
    return;
  for (int byte = 0; byte < 4; byte++)
    for (uint32_t value = 0; value < 256; value++)
      lane_shift[byte][value] = one_lane(value << (8 * byte), zeroes, LANE_BYTES);
}

static uint32_t shifted(uint32_t crc) {
  return lane_shift[0][crc & 255] ^ lane_shift[1][crc >> 8 & 255]
         ^ lane_shift[2][crc >> 16 & 255] ^ lane_shift[3][crc >> 24];
}

__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t count) {
  for (; count >= 3 * LANE_BYTES; count -= 3 * LANE_BYTES, p += 3 * LANE_BYTES) {
    uint64_t first = crc, second = 0, third = 0;
    for (size_t at = 0; at < LANE_BYTES; at += 8) {
      if (at % 64 == 0)
        for (size_t lane = 0; lane < 3; lane++)
          __builtin_prefetch(p + lane * LANE_BYTES + at + AHEAD_BYTES);
      uint64_t words[3];
      memcpy(&words[0], p + at, 8);
      memcpy(&words[1], p + LANE_BYTES + at, 8);
      memcpy(&words[2], p + 2 * LANE_BYTES + at, 8);
      first = _mm_crc32_u64(first, words[0]);
      second = _mm_crc32_u64(second, words[1]);
      third = _mm_crc32_u64(third, words[2]);
    }
    crc = shifted(shifted((uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)third;
  }
  return one_lane(crc, p, count);
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

int understudy_is_zero(const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  if (count == 0)
    return 1;
  // All bytes are equal to their neighbours and the first one is zero.
  return p[0] == 0 && p[count - 1] == 0 && p[count / 2] == 0 && memcmp(p, p + 1, count - 1) == 0;
}
