// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

// libFuzzer's entry points; libFuzzer brings `main`. FUZZ_TARGET names what is fuzzed.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int32_t understudy_fuzz_select(const char *name);
void understudy_fuzz_run(const uint8_t *bytes, size_t count);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  const char *name = getenv("FUZZ_TARGET");
  if (name == NULL || !understudy_fuzz_select(name)) {
    fprintf(stderr, "FUZZ_TARGET names no target; scripts/fuzz knows them\n");
    exit(2);
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  understudy_fuzz_run(bytes, count);
  return 0;
}
