// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
