// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int allocate(int descriptor, int mode, off_t offset, off_t count) {
  int result;
  do
    result = fallocate(descriptor, mode, offset, count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int understudy_zero_range(int descriptor, off_t offset, off_t count) {
  return allocate(descriptor, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, count);
}

int understudy_punch_hole(int descriptor, off_t offset, off_t count) {
  return allocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count);
}

int understudy_allocate(int descriptor, off_t offset, off_t count) {
  return allocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, count);
}

int understudy_exchange(const char *path, const char *other) {
  return renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

int understudy_reopen_direct(int descriptor) {
  // Not by its path: the file may have another name by now.
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  int opened = open(path, O_RDWR | O_CLOEXEC | O_DIRECT);
  return opened < 0 ? -errno : opened;
}

int understudy_share_blocks(int from, int to) {
  return ioctl(to, FICLONE, from) < 0 ? -errno : 0;
}

int understudy_next_data(int descriptor, off_t offset, off_t *start, off_t *end) {
  *start = lseek(descriptor, offset, SEEK_DATA);
  if (*start < 0)
    return errno == ENXIO ? 0 : -errno;
  *end = lseek(descriptor, *start, SEEK_HOLE);
  if (*end < 0)
    return -errno;
  // A hole made between the two calls is still no reason to skip what is behind it.
  if (*end == *start)
    *end += 1;
  return 1;
}

void *understudy_map_huge(size_t count) {
  // Room for a beginning at a multiple of a huge page; what is too much is given back.
  size_t room = count + UNDERSTUDY_HUGE_PAGE;
  char *start = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED)
    return NULL;
  size_t before = -(uintptr_t)start % UNDERSTUDY_HUGE_PAGE;
  if (before > 0)
    munmap(start, before);
  munmap(start + before + count, room - before - count);
  // Without huge pages it is memory like any other.
  madvise(start + before, count, MADV_HUGEPAGE);
  return start + before;
}

void understudy_unmap(void *memory, size_t count) { munmap(memory, count); }

void understudy_return_freed_memory(int large, int heap_limit) {
  // Said once, the threshold no longer grows with what is freed.
  mallopt(M_MMAP_THRESHOLD, large);
  mallopt(M_ARENA_MAX, heap_limit);
}

int understudy_is_socket(const char *path) {
  struct stat found;
  if (lstat(path, &found) < 0)
    return errno == ENOENT ? 0 : -errno;
  return S_ISSOCK(found.st_mode) ? 1 : -EEXIST;
}

int understudy_die_with_parent(int signal) {
  return prctl(PR_SET_PDEATHSIG, signal) < 0 ? -errno : 0;
}

int understudy_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

int understudy_memory_file(void) {
  int made = memfd_create("understudy", MFD_CLOEXEC);
  return made < 0 ? -errno : made;
}

int understudy_spawn_closing_from(posix_spawn_file_actions_t *actions, int first) {
  return -posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int understudy_spawn_in(posix_spawn_file_actions_t *actions, const char *folder) {
  return -posix_spawn_file_actions_addchdir_np(actions, folder);
}

void understudy_name_thread(const char *name) {
  char cut[16] = {0};
  strncpy(cut, name, sizeof cut - 1);
  pthread_setname_np(pthread_self(), cut);
}

uint64_t understudy_monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void understudy_limit_timer_slack(unsigned long nanoseconds) {
  prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}

void understudy_nap(unsigned long nanoseconds) {
  struct timespec time = {.tv_nsec = (long)nanoseconds};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}
