// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

#pragma once

// Asks Cyrus SASL, as a server of the service "libvirt", whether a password is right. The library is
// looked up when the program runs: libvirt brings it along, and a machine without it has no such users.

enum {
  UNDERSTUDY_SASL_RIGHT = 0,
  UNDERSTUDY_SASL_WRONG = 1,
  // There is no SASL library, or it has no way to check passwords.
  UNDERSTUDY_SASL_ABSENT = 2,
};

// `database` is the SASL database to ask; NULL is what the system's `libvirt.conf` says.
// Blocks, and must not be called by two threads at once.
int understudy_sasl_check(const char *database, const char *user, const char *password);
