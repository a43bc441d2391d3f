// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#ifndef CLINUX_H
#define CLINUX_H
#endif
