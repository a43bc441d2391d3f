// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static int set_address(struct sockaddr_un *address, const char *path) {
  size_t length = strlen(path);
  if (length >= sizeof address->sun_path)
    return -ENAMETOOLONG;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, length + 1);
  return 0;
}

static int close_with(int descriptor, int error) {
  close(descriptor);
  return -error;
}

int understudy_listen_unix(const char *path, mode_t mode, int backlog) {
  struct sockaddr_un address;
  int failure = set_address(&address, path);
  if (failure < 0)
    return failure;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return -errno;
  // The file is born with these bits less the umask, so it is never more open than `mode`.
  if (fchmod(descriptor, mode) < 0
      || bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0)
    return close_with(descriptor, errno);
  if (chmod(path, mode) < 0 || listen(descriptor, backlog) < 0) {
    int error = errno;
    unlink(path);
    return close_with(descriptor, error);
  }
  return descriptor;
}

void understudy_limit_silence(int descriptor, unsigned seconds) {
  struct timeval limit = {.tv_sec = seconds};
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static int connect_unix(const char *path, int flags, unsigned timeout_seconds) {
  struct sockaddr_un address;
  int failure = set_address(&address, path);
  if (failure < 0)
    return failure;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (descriptor < 0)
    return -errno;
  understudy_limit_silence(descriptor, timeout_seconds);
  int result;
  do
    result = connect(descriptor, (struct sockaddr *)&address, sizeof address);
  while (result < 0 && errno == EINTR);
  return result < 0 ? close_with(descriptor, errno) : descriptor;
}

int understudy_connect_unix(const char *path, unsigned timeout_seconds) {
  return connect_unix(path, 0, timeout_seconds);
}

int understudy_is_served_unix(const char *path) {
  int descriptor = connect_unix(path, SOCK_NONBLOCK, 0);
  if (descriptor >= 0)
    close(descriptor);
  // A full queue also has somebody behind it.
  return descriptor >= 0 || descriptor == -EAGAIN;
}

int understudy_accept(int listener) {
  int descriptor;
  do
    descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  while (descriptor < 0 && (errno == EINTR || errno == ECONNABORTED));
  return descriptor < 0 ? -errno : descriptor;
}

void understudy_set_send_buffer(int descriptor, int byte_count) {
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &byte_count, sizeof byte_count);
}

int understudy_send_all(int descriptor, const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t sent = send(descriptor, next, count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return -errno;
    next += sent;
    count -= (size_t)sent;
  }
  return 0;
}

ssize_t understudy_receive(int descriptor, void *bytes, size_t count) {
  ssize_t received;
  do
    received = recv(descriptor, bytes, count, 0);
  while (received < 0 && errno == EINTR);
  return received < 0 ? -errno : received;
}

ssize_t understudy_receive_both(
    int descriptor, void *first, size_t first_count, void *second, size_t second_count, int waits) {
  struct iovec rooms[] = {{first, first_count}, {second, second_count}};
  struct msghdr message = {.msg_iov = rooms, .msg_iovlen = second_count > 0 ? 2 : 1};
  ssize_t received;
  do
    received = recvmsg(descriptor, &message, waits ? 0 : MSG_DONTWAIT);
  while (received < 0 && errno == EINTR);
  return received < 0 ? -errno : received;
}

void understudy_shut_down(int descriptor) {
  shutdown(descriptor, SHUT_RDWR);
}
