/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables depend only on the number of vCPUs, so each is a structure on the stack that is written to
 * the guest with its checksum. Section titles in comments are the ACPI specification's.
 */
#include "vm/acpi/vacpi.h"

#include <errno.h>
#include <string.h>

#include "vm/acpi/tables.h"
#include "vm/dev/vpm.h"
#include "vm/vm.h"

#define AREA_END SZ_1M

/* From vm/acpi/dsdt.asl. */
extern const u8 aml_dsdt[], aml_dsdt_end[];

/* Tables are placed one after the other; the first error stays. */
struct writer {
	struct vm *vm;
	u64 next;
	int err;
};

static gpa_t put(struct writer *w, const void *data, size_t len)
{
	gpa_t at = GPA(w->next);

	w->next = ALIGN_UP(at.v + len, 64); /* the FACS wants that much */
	if (w->err)
		return at;
	w->err = w->next > AREA_END ? -ENOSPC : mmu_write(&w->vm->mmu, at, data, len);
	return at;
}

static u8 checksum(const void *data, size_t len)
{
	const u8 *p = data;
	u8 sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += p[i];
	return (u8)-sum;
}

static gpa_t put_table(struct writer *w, struct acpi_table *t, const char *sig, u8 revision,
		       u32 len)
{
	memcpy(t->signature, sig, 4);
	t->length = len;
	t->revision = revision;
	memcpy(t->oem_id, "UMBRA ", 6);
	memcpy(t->oem_table_id, "UMBRAPC ", 8);
	t->oem_revision = 1;
	memcpy(t->creator_id, "UMBR", 4);
	t->creator_revision = 1;
	t->checksum = 0;
	t->checksum = checksum(t, len);
	return put(w, t, len);
}

/* "Firmware ACPI Control Structure (FACS)" */
static gpa_t put_facs(struct writer *w)
{
	struct acpi_facs facs = { .signature = "FACS", .length = sizeof(facs), .version = 2 };

	return put(w, &facs, sizeof(facs));
}

static struct acpi_gas io(u16 port, u8 bytes)
{
	return (struct acpi_gas){ .space = ACPI_SPACE_IO,
				  .bits = (u8)(8 * bytes),
				  .access = (u8)(bytes == 4 ? 3 : bytes),
				  .address = port };
}

/* "Fixed ACPI Description Table (FADT)" */
static gpa_t put_fadt(struct writer *w, gpa_t facs, gpa_t dsdt)
{
	struct acpi_fadt f = {
		.facs = (u32)facs.v,
		.dsdt = (u32)dsdt.v,
		.sci = VPM_SCI,
		.pm1a_evt = VPM_PM1_EVT,
		.pm1a_cnt = VPM_PM1_CNT,
		.pm_timer = VPM_TIMER,
		.pm1_evt_len = 4,
		.pm1_cnt_len = 2,
		.pm_timer_len = 4,
		.c2_latency = 0xffff, /* there is no C2 or C3 */
		.c3_latency = 0xffff,
		.century = 0x32,
		.boot_arch = FADT_LEGACY_DEVICES | FADT_NO_VGA, /* and no 8042 */
		.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_NO_PWR_BUTTON | FADT_NO_SLP_BUTTON |
			 FADT_NO_FIXED_RTC | FADT_TIMER_32 | FADT_RESET,
		.reset = io(0xcf9, 1),
		.reset_value = 0x06,
		.x_dsdt = dsdt.v,
		.x_pm1a_evt = io(VPM_PM1_EVT, 4),
		.x_pm1a_cnt = io(VPM_PM1_CNT, 2),
		.x_pm_timer = io(VPM_TIMER, 4),
	};

	f.x_pm1a_evt.access = 2; /* it is two registers of 16 bits */
	return put_table(w, &f.header, "FACP", 3, sizeof(f));
}

/* "Multiple APIC Description Table (MADT)" */
static gpa_t put_madt(struct writer *w)
{
	struct {
		struct acpi_madt head;
		struct madt_ioapic ioapic;
		struct madt_override timer, sci;
		struct madt_lapic_nmi nmi;
		struct madt_lapic lapic[CFG_MAX_VCPUS];
	} __packed m = {
		.head = { .lapic_address = VM_LAPIC_BASE, .flags = MADT_PCAT_COMPAT },
		.ioapic = { 1, sizeof(m.ioapic), .id = 0, .address = VM_IOAPIC_BASE },
		.timer = { 2, sizeof(m.timer), .irq = 0, .gsi = 2 },
		.sci = { 2, sizeof(m.sci), .irq = VPM_SCI, .gsi = VPM_SCI,
			 .flags = MADT_LEVEL | MADT_HIGH },
		.nmi = { 4, sizeof(m.nmi), .cpu = 0xff, .lint = 1 },
	};

	u32 nr = w->vm->nr_vcpus;

	for (u32 i = 0; i < nr; i++)
		m.lapic[i] = (struct madt_lapic){ 0, sizeof(m.lapic[i]), (u8)i, (u8)i, 1 };
	return put_table(w, &m.head.header, "APIC", 3,
			 (u32)(sizeof(m) - (CFG_MAX_VCPUS - nr) * sizeof(m.lapic[0])));
}

/* "Root System Description Pointer (RSDP)" */
static void put_rsdp(struct writer *w, gpa_t rsdt, gpa_t xsdt)
{
	struct acpi_rsdp r = {
		.signature = "RSD PTR ",
		.oem_id = "UMBRA ",
		.revision = 2,
		.rsdt = (u32)rsdt.v,
		.length = sizeof(r),
		.xsdt = xsdt.v,
	};

	r.checksum = checksum(&r, offsetof(struct acpi_rsdp, length));
	r.checksum_all = checksum(&r, sizeof(r));
	w->next = VM_ACPI_BASE;
	put(w, &r, sizeof(r));
}

int vacpi_build(struct vm *vm)
{
	struct writer w = { .vm = vm, .next = VM_ACPI_BASE + 64 };
	gpa_t facs = put_facs(&w);
	gpa_t dsdt = put(&w, aml_dsdt, (size_t)(aml_dsdt_end - aml_dsdt));
	gpa_t fadt = put_fadt(&w, facs, dsdt), madt = put_madt(&w);
	struct acpi_rsdt rsdt = { .entry = { (u32)fadt.v, (u32)madt.v } };
	struct acpi_xsdt xsdt = { .entry = { fadt.v, madt.v } };
	gpa_t rsdt_at = put_table(&w, &rsdt.header, "RSDT", 1, sizeof(rsdt));
	gpa_t xsdt_at = put_table(&w, &xsdt.header, "XSDT", 1, sizeof(xsdt));

	put_rsdp(&w, rsdt_at, xsdt_at);
	return w.err;
}

gpa_t vacpi_rsdp(const struct vm *vm)
{
	(void)vm;
	return GPA(VM_ACPI_BASE);
}
