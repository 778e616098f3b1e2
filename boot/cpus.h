/* SPDX-License-Identifier: BSD-2-Clause */
/* From ACPI's list of processors and interrupt controllers to running CPUs. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct acpi_info;

/* Registers the I/O APICs, then starts every other CPU up to max in all. A CPU that does not come
 * up is reported and left out. low_page: memory_low_page(). */
void cpus_start(const struct acpi_info *acpi, hpa_t low_page, u32 max);
