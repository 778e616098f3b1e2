/* SPDX-License-Identifier: BSD-2-Clause */
/* Restarting the host and switching it off. */
#pragma once

#include "lib/types.h"

#include "drivers/acpi.h"

/* isa-debug-exit of QEMU ends with status 2 * value + 1: 33 after a power-off. */
#define DEBUG_EXIT_PORT     0xf4
#define DEBUG_EXIT_POWEROFF 0x10

/* Once, at boot. info stays the caller's; debug_exit: power off through QEMU's isa-debug-exit. */
void reset_init(const struct acpi_info *info, bool debug_exit);

/* Tries every way in turn, the last of which (a triple fault) no machine survives. */
void machine_reboot(void) __noreturn;
/* Returns only when it failed, with one sentence that says why. */
const char *machine_poweroff(void);
