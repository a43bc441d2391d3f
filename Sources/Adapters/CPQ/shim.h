// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#include <libpq-fe.h>
