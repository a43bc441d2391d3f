// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#include <security/pam_appl.h>

static inline void understudy_pam_no_delay(int status, unsigned microseconds, void *context) {
  (void)status;
  (void)microseconds;
  (void)context;
}

/// Makes pam_authenticate answer a wrong password at once. Where PAM cannot, it waits as ever.
static inline void understudy_pam_omit_fail_delay(pam_handle_t *handle) {
#ifdef PAM_FAIL_DELAY
  (void)pam_set_item(handle, PAM_FAIL_DELAY, (const void *)understudy_pam_no_delay);
#endif
}
