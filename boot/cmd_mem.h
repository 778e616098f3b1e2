/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell command that shows where the boot loader found and put things. */
#pragma once

#include "boot/mb2.h"

/* info must stay. */
void cmd_mem_init(const struct boot_info *info);
