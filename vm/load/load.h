/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts a guest's files into its memory and its first vCPU into the state that their format demands.
 */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Loads vm->cfg.kernel and vm->cfg.initrd, picking the format by magic: Linux bzImage, multiboot1
 * or multiboot2 ELF, flat boot sector. RAM is in place and the ACPI tables are in it; vCPU 0 is
 * loaded on this CPU and in its reset state, of which only what the format demands is changed.
 * On failure returns -EINVAL or -ENOENT with one sentence in err that names the file.
 */
int guest_load(struct vm *vm, char *err, size_t err_size) __must_check;
