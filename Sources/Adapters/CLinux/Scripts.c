// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// A script's processes live in a process and a mount namespace of their own. The first process of
// the namespace is ours, the minder: it starts the script, and when it ends, for whatever reason,
// the kernel ends all the others. It is killed with the thread that started it.
//
// Between clone and exec only system calls are made: the other threads of the process are not
// there, and what they had locked stays locked. For the same reason the calls that change the user
// are raw ones: those of the C library would wait for threads.

enum { report_descriptor = 3, first_free_descriptor = 10 };

static pid_t split(unsigned long flags, int *handle) {
  return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, handle, 0, 0);
}

static _Noreturn void give_up(enum understudy_script_step step) {
  int message[2] = {(int)step, errno};
  if (write(report_descriptor, message, sizeof message) < 0)
    _exit(126);
  _exit(127);
}

/// Makes what is open as `descriptor` seen at `place`.
static int show(int descriptor, const char *place, unsigned long flags) {
  char source[32];
  snprintf(source, sizeof source, "/proc/self/fd/%d", descriptor);
  if (mkdir(place, 0755) < 0 || mount(source, place, NULL, MS_BIND, NULL) < 0)
    return -1;
  return mount(NULL, place, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | flags, NULL);
}

static void arrange(const struct understudy_script *script) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    give_up(understudy_script_namespace);
  // Before `/tmp` is another: either folder may lie in it.
  int repository = open(script->repository, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int output = open(script->output, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (repository < 0 || output < 0)
    give_up(understudy_script_folders);
  const char *room = "size=256m,nr_inodes=65536,mode=0755";
  if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, room) < 0 ||
      show(repository, UNDERSTUDY_SCRIPT_REPOSITORY, MS_RDONLY) < 0 ||
      show(output, UNDERSTUDY_SCRIPT_OUTPUT, MS_NOEXEC) < 0 ||
      mkdir(UNDERSTUDY_SCRIPT_FOLDER, 0700) < 0 ||
      chown(UNDERSTUDY_SCRIPT_FOLDER, script->user, script->group) < 0)
    give_up(understudy_script_folders);
  // With the old one the script would see all processes of the machine; it cannot harm them.
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static void limit(int resource, rlim_t most) {
  struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
  if (setrlimit(resource, &limit) < 0)
    give_up(understudy_script_limits);
}

static _Noreturn void become(const struct understudy_script *script) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 1024);
  limit(RLIMIT_NPROC, 512);
  limit(RLIMIT_FSIZE, 1ull << 30);
  limit(RLIMIT_DATA, 4ull << 30);
  umask(077);
  if (setsid() < 0 || syscall(SYS_setgroups, 0, NULL) < 0 ||
      syscall(SYS_setresgid, script->group, script->group, script->group) < 0 ||
      syscall(SYS_setresuid, script->user, script->user, script->user) < 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    give_up(understudy_script_user);
  // Never as root, whatever was asked for.
  if (syscall(SYS_geteuid) == 0 || syscall(SYS_setresuid, 0, 0, 0) == 0) {
    errno = EPERM;
    give_up(understudy_script_user);
  }
  if (chdir(UNDERSTUDY_SCRIPT_FOLDER) < 0)
    give_up(understudy_script_folders);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  fcntl(report_descriptor, F_SETFD, FD_CLOEXEC);
  // Its file may have been written a moment ago, and another process that is about to start something
  // may hold it open for writing without knowing.
  for (int tries = 0; tries < 250; tries++) {
    execve(script->arguments[0], script->arguments, script->environment);
    if (errno != ETXTBSY)
      break;
    understudy_nap(20000000);
  }
  give_up(understudy_script_program);
}

static _Noreturn void mind(const struct understudy_script *script, int report) {
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(script->printed, 1) < 0 ||
      dup2(script->printed, 2) < 0 || dup2(report, report_descriptor) < 0)
    _exit(127);
  for (int number = 1; number < NSIG; number++)
    signal(number, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Whoever reads the report may have died before that.
  struct pollfd reader = {.fd = report_descriptor, .events = POLLOUT};
  if (poll(&reader, 1, 0) > 0 && reader.revents & POLLERR)
    _exit(127);
  close_range(report_descriptor + 1, ~0u, 0);
  arrange(script);
  pid_t process = split(0, NULL);
  if (process < 0)
    give_up(understudy_script_namespace);
  if (process == 0)
    become(script);
  close_range(0, ~0u, 0);
  while (1) {
    int status;
    pid_t ended = waitpid(-1, &status, 0);
    if (ended == process)
      _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    if (ended < 0 && errno != EINTR)
      _exit(127);
  }
}

int understudy_open_pipe(int ends[2]) {
  int made[2];
  if (pipe2(made, O_CLOEXEC) < 0)
    return -errno;
  for (int end = 0; end < 2; end++) {
    ends[end] = fcntl(made[end], F_DUPFD_CLOEXEC, first_free_descriptor);
    close(made[end]);
  }
  if (ends[0] >= 0 && ends[1] >= 0)
    return 0;
  if (ends[0] >= 0)
    close(ends[0]);
  if (ends[1] >= 0)
    close(ends[1]);
  return -EMFILE;
}

pid_t understudy_start_script(const struct understudy_script *script, int *handle,
                              enum understudy_script_step *failed) {
  *handle = -1;
  *failed = understudy_script_namespace;
  int report[2];
  int made = understudy_open_pipe(report);
  if (made < 0)
    return made;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t minder = split(CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD, handle);
  if (minder == 0)
    mind(script, report[1]);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  if (minder < 0) {
    close(report[0]);
    return -error;
  }
  int message[2];
  ssize_t count;
  do
    count = read(report[0], message, sizeof message);
  while (count < 0 && errno == EINTR);
  close(report[0]);
  if (count != sizeof message)
    return minder;
  *failed = (enum understudy_script_step)message[0];
  while (waitpid(minder, NULL, 0) < 0 && errno == EINTR) {
  }
  close(*handle);
  *handle = -1;
  return -message[1];
}

void understudy_end_script(int handle) { syscall(SYS_pidfd_send_signal, handle, SIGKILL, NULL, 0); }
