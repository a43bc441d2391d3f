// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

#include "CSASL.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

// From the interface of Cyrus SASL 2 (sasl.h), which has not changed since 2003.
typedef struct sasl_conn sasl_conn_t;
typedef struct {
  unsigned long id;
  int (*proc)(void);
  void *context;
} sasl_callback_t;

enum { SASL_OK = 0, SASL_CB_LIST_END = 0, SASL_CB_GETOPT = 1 };
enum { SASL_FAIL = -1, SASL_BADAUTH = -13, SASL_NOUSER = -20 };

static int (*server_init)(const sasl_callback_t *, const char *);
static int (*server_new)(const char *, const char *, const char *, const char *, const char *,
                         const sasl_callback_t *, unsigned, sasl_conn_t **);
static int (*checkpass)(sasl_conn_t *, const char *, unsigned, const char *, unsigned);
static void (*dispose)(sasl_conn_t **);

// Answers what libvirt.conf would have to say for `context`, the database, to be asked.
static int get_option(void *context, const char *plugin, const char *option, const char **result,
                      unsigned *length) {
  (void)plugin;
  if (strcmp(option, "sasldb_path") == 0) {
    *result = context;
  } else if (strcmp(option, "pwcheck_method") == 0) {
    *result = "auxprop";
  } else if (strcmp(option, "auxprop_plugin") == 0) {
    *result = "sasldb";
  } else {
    return SASL_FAIL;
  }
  if (length != NULL) *length = (unsigned)strlen(*result);
  return SASL_OK;
}

// Loads the library once; whether it can be used.
static int load(void) {
  static int state; // 0 not tried, 1 usable, -1 not
  if (state != 0) return state > 0;
  state = -1;
  void *library = dlopen("libsasl2.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return 0;
  *(void **)&server_init = dlsym(library, "sasl_server_init");
  *(void **)&server_new = dlsym(library, "sasl_server_new");
  *(void **)&checkpass = dlsym(library, "sasl_checkpass");
  *(void **)&dispose = dlsym(library, "sasl_dispose");
  if (!server_init || !server_new || !checkpass || !dispose) return 0;
  if (server_init(NULL, "libvirt") != SASL_OK) return 0;
  state = 1;
  return 1;
}

int understudy_sasl_check(const char *database, const char *user, const char *password) {
  if (!load()) return UNDERSTUDY_SASL_ABSENT;
  sasl_callback_t callbacks[] = {
      {SASL_CB_GETOPT, (int (*)(void))(void *)get_option, (void *)database},
      {SASL_CB_LIST_END, NULL, NULL},
  };
  sasl_conn_t *connection = NULL;
  if (server_new("libvirt", NULL, NULL, NULL, NULL, database ? callbacks : NULL, 0, &connection) !=
      SASL_OK) {
    return UNDERSTUDY_SASL_ABSENT;
  }
  int status =
      checkpass(connection, user, (unsigned)strlen(user), password, (unsigned)strlen(password));
  dispose(&connection);
  switch (status) {
  case SASL_OK: return UNDERSTUDY_SASL_RIGHT;
  case SASL_BADAUTH:
  case SASL_NOUSER: return UNDERSTUDY_SASL_WRONG;
  default: return UNDERSTUDY_SASL_ABSENT;
  }
}
