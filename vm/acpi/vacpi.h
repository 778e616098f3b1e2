/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's ACPI tables. Source: ACPI specification 6.3 "ACPI Software Programming Model". */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct vm;

/*
 * Writes all tables into guest RAM from VM_ACPI_BASE on. 0, -EFAULT when that is not RAM, or
 * -ENOSPC when they do not fit below 1 MiB. At every start of the machine, after RAM is cleared.
 */
int vacpi_build(struct vm *vm) __must_check;
/*
 * Where the root pointer is. It also lies where a BIOS would put it, so a guest finds it by search.
 */
gpa_t vacpi_rsdp(const struct vm *vm);
