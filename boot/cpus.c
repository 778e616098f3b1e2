/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/cpus.h"

#include <errno.h>

#include "lib/log.h"

#include "arch/irq.h"
#include "arch/percpu.h"
#include "arch/smp.h"
#include "drivers/acpi.h"

static void ioapics_add(const struct acpi_info *acpi)
{
	for (u32 i = 0; i < acpi->nr_ioapics; i++)
		if (irq_add_ioapic(acpi->ioapics[i].base, acpi->ioapics[i].gsi_base))
			pr_warn("boot: I/O APIC %u is left out", acpi->ioapics[i].id);
	for (u8 i = 0; i < ACPI_ISA_IRQS; i++)
		irq_override(i, acpi->isa[i].gsi, acpi->isa[i].active_low, acpi->isa[i].level);
}

void cpus_start(const struct acpi_info *acpi, hpa_t low_page, u32 max)
{
	ioapics_add(acpi);
	for (u32 i = 0; i < acpi->nr_cpus && nr_cpus < max; i++) {
		u32 id = acpi->cpus[i].apic_id;
		int rc;

		if (!acpi->cpus[i].usable || id == cpus[0]->apic_id)
			continue;
		rc = low_page.v ? smp_start(id, low_page) : -ENOMEM;
		if (rc == -EIO)
			pr_warn("boot: the CPU with APIC id %u did not start; going on without it",
				id);
		else if (rc)
			pr_warn("boot: no memory to start the CPU with APIC id %u", id);
		if (rc)
			break; /* its late start would meet the next one's trampoline */
	}
}
