// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
//
// What Linux offers and Swift cannot call well. Calls that can fail return a negative errno.
#ifndef CLINUX_H
#define CLINUX_H

#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Unix stream sockets (Sockets.c). Descriptors are closed on exec.

/// A socket listening on `path`, whose file gets `mode`. ENAMETOOLONG if the path does not fit.
int understudy_listen_unix(const char *path, mode_t mode, int backlog);
/// A socket connected to `path`; sending and receiving give up after `timeout_seconds` (0: never).
int understudy_connect_unix(const char *path, unsigned timeout_seconds);
/// 1 if somebody listens on `path`, 0 if nobody does, without waiting.
int understudy_is_served_unix(const char *path);
/// Waits for a client.
int understudy_accept(int listener);
/// Receiving and sending give up, with -EAGAIN, when nothing moves for `seconds` (0: never).
void understudy_limit_silence(int descriptor, unsigned seconds);
/// Asks the kernel for room for `byte_count` bytes under way; what it gives is fine.
void understudy_set_send_buffer(int descriptor, int byte_count);
/// Sends all bytes; a peer that is gone is EPIPE, never a signal. Returns 0.
int understudy_send_all(int descriptor, const void *bytes, size_t count);
/// Receives what is there, at least one byte, at most `count`; 0 if the peer closed.
ssize_t understudy_receive(int descriptor, void *bytes, size_t count);
/// Like `understudy_receive`, into `first` and, once that is full, into `second`. Where nothing is
/// there it waits if `waits` is not 0, else it returns -EAGAIN.
ssize_t understudy_receive_both(
    int descriptor, void *first, size_t first_count, void *second, size_t second_count, int waits);
/// Cuts both directions and wakes whoever is blocked on the socket.
void understudy_shut_down(int descriptor);

// Files

/// Makes the range read as zeroes and keeps, or takes, its space; the size stays.
int understudy_zero_range(int descriptor, off_t offset, off_t count);

/// Gives the range back to the file system; it reads as zeroes and the size stays.
int understudy_punch_hole(int descriptor, off_t offset, off_t count);
/// Reserves room for the range without changing the size.
int understudy_allocate(int descriptor, off_t offset, off_t count);
/// Another descriptor of the same file, whose writes go past the page cache. EINVAL if the file
/// system has no such writes.
int understudy_reopen_direct(int descriptor);
/// Finds data at or after `offset`: 1 and its range, of at least one byte, or 0 if there are only
/// holes up to the end. Moves the descriptor's position.
int understudy_next_data(int descriptor, off_t offset, off_t *start, off_t *end);
/// Makes `to` share all of `from`'s blocks, where the file system can; EXDEV, EOPNOTSUPP or EINVAL
/// if it cannot.
int understudy_share_blocks(int from, int to);
/// Gives two files each other's name, in one step. ENOENT if one is not there, EINVAL or ENOSYS where
/// the file system cannot do that.
int understudy_exchange(const char *path, const char *other);
/// 1 if `path` is a socket, 0 if there is nothing, -EEXIST if it is something else.
int understudy_is_socket(const char *path);

// Memory

/// Bytes of a huge page.
#define UNDERSTUDY_HUGE_PAGE ((size_t)2 << 20)
/// New memory, in huge pages where the kernel has them; `count` is a multiple of a huge page, and
/// so is where it begins. NULL if there is none.
void *understudy_map_huge(size_t count);
/// Gives it back.
void understudy_unmap(void *memory, size_t count);
/// From here on memory of `large` bytes or more goes back to the system once it is freed; the rest
/// is in at most so many heaps, but for those that are there.
void understudy_return_freed_memory(int large, int heap_limit);

// Processes, threads and time

/// Has the kernel send `signal` to this process when the thread that started it ends.
int understudy_die_with_parent(int signal);
/// A pipe's ends to read and to write, which are closed on exec.
int understudy_pipe(int ends[2]);
/// A descriptor of a new, empty file that is in memory and has no name; it is closed on exec.
int understudy_memory_file(void);
/// A process that is spawned with `actions` has no descriptor from `first` on.
int understudy_spawn_closing_from(posix_spawn_file_actions_t *actions, int first);
/// A process that is spawned with `actions` begins in `folder`.
int understudy_spawn_in(posix_spawn_file_actions_t *actions, const char *folder);
/// Names the calling thread; cut to 15 bytes.
void understudy_name_thread(const char *name);
/// Nanoseconds on a clock that never jumps and stands still while the machine sleeps.
uint64_t understudy_monotonic_nanoseconds(void);
/// Timed sleeps of the calling thread may end so much late; unless told, the kernel takes 50 us.
void understudy_limit_timer_slack(unsigned long nanoseconds);
/// Sleeps for less than a second, and not that long if a signal comes.
void understudy_nap(unsigned long nanoseconds);

// Scripts of an administrator (Scripts.c)

// Where a script finds things. All of `/tmp` is its own, in memory, and gone when it ends.
#define UNDERSTUDY_SCRIPT_REPOSITORY "/tmp/repository"
#define UNDERSTUDY_SCRIPT_OUTPUT "/tmp/output"
#define UNDERSTUDY_SCRIPT_FOLDER "/tmp/work"

struct understudy_script {
  /// The folder the program is in; seen at UNDERSTUDY_SCRIPT_REPOSITORY, not to be written.
  const char *repository;
  /// A folder of `user`; seen at UNDERSTUDY_SCRIPT_OUTPUT.
  const char *output;
  /// Ended by NULL; the first is the program's path as the script sees it.
  char *const *arguments;
  /// Ended by NULL.
  char *const *environment;
  /// Whom it runs as; 0 is refused.
  uid_t user;
  gid_t group;
  /// Takes standard output and standard error.
  int printed;
};

/// What a script can fail to start at.
enum understudy_script_step {
  understudy_script_namespace = 1,
  understudy_script_folders,
  understudy_script_limits,
  understudy_script_user,
  understudy_script_program,
};

/// Starts a script in a session, a process namespace and a mount namespace of its own, without
/// privileges and with limits; needs root. Returns the process that stands for all of it and, in
/// `handle`, its pidfd; its exit status is the script's, or 128 and the signal. Everything the
/// script started ends with it, and all of it with the calling thread.
/// A script that cannot start leaves nothing, and says in `failed` at what.
pid_t understudy_start_script(const struct understudy_script *script, int *handle,
                              enum understudy_script_step *failed);
/// A pipe, whose ends are no standard descriptors: reading first, then writing. Returns 0.
int understudy_open_pipe(int ends[2]);
/// Kills a script with everything it started.
void understudy_end_script(int handle);

#endif
