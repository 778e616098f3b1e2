/* SPDX-License-Identifier: BSD-2-Clause */
/* From the boot loader's memory map to a working frame allocator. */
#pragma once

#include "boot/mb2.h"

/*
 * Sets up frames and the hypervisor's own page tables. Reserves the first MiB, the image and all
 * modules. Returns NULL, or a sentence that says what is missing.
 */
const char *memory_init(const struct boot_info *bi);
/* A page below 640 KiB that neither firmware nor modules use, for starting CPUs; 0 = none. */
hpa_t memory_low_page(const struct boot_info *bi);
