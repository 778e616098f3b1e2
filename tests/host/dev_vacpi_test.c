/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/acpi/vacpi.c vm/acpi/dsdt.asl tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/bug.c */
/* The guest's ACPI tables: found by search, whole, and understood by iasl. */

#include "vm/acpi/vacpi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/host/fake/machine.h"
#include "tests/host/test.h"
#include "vm/acpi/tables.h"
#include "vm/dev/vpm.h"

#define AREA 0x20000

static u8 area[AREA];
static u64 ram_end; /* writes beyond fail */

int mmu_write(struct mmu_vm *m, gpa_t gpa, const void *buf, u64 len)
{
	assert_ptr_equal(m, &machine_vm.mmu);
	if (gpa.v + len > ram_end)
		return -EFAULT;
	assert_true(gpa.v >= VM_ACPI_BASE && gpa.v + len <= SZ_1M);
	memcpy(area + (gpa.v - VM_ACPI_BASE), buf, len);
	return 0;
}

static const void *at(u64 gpa)
{
	assert_in_range(gpa, VM_ACPI_BASE, SZ_1M - 1);
	return area + (gpa - VM_ACPI_BASE);
}

static u8 sum(const void *p, size_t len)
{
	u8 s = 0;

	while (len--)
		s += ((const u8 *)p)[len];
	return s;
}

static void build(u32 cpus)
{
	machine_init(1);
	machine_vm.nr_vcpus = machine_vm.cfg.cpus = cpus;
	memset(area, 0, sizeof(area));
	ram_end = SZ_1M;
	assert_int_equal(vacpi_build(&machine_vm), 0);
}

/* As a guest does it: on 16-byte boundaries from 0xe0000 on. */
static const struct acpi_rsdp *search(void)
{
	for (u64 gpa = 0xe0000; gpa < SZ_1M; gpa += 16)
		if (!memcmp(at(gpa), "RSD PTR ", 8)) {
			assert_int_equal(gpa, vacpi_rsdp(&machine_vm).v);
			return at(gpa);
		}
	fail();
	return NULL;
}

static const struct acpi_table *table(u64 gpa, const char *signature)
{
	const struct acpi_table *t = at(gpa);

	assert_memory_equal(t->signature, signature, 4);
	assert_int_equal(sum(t, t->length), 0);
	return t;
}

static const struct acpi_xsdt *xsdt(void)
{
	return (const void *)table(search()->xsdt, "XSDT");
}

static void both_roots_lead_to_the_same_tables(void **state)
{
	const struct acpi_rsdp *r;
	const struct acpi_rsdt *rsdt;

	(void)state;
	build(2);
	r = search();
	assert_int_equal(sum(r, 20), 0);
	assert_int_equal(sum(r, 36), 0);
	assert_int_equal(r->revision, 2);
	rsdt = (const void *)table(r->rsdt, "RSDT");
	assert_int_equal(rsdt->header.length, 36 + 2 * 4);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(rsdt->entry[i], xsdt()->entry[i]);
}

static void the_fadt_says_what_the_devices_do(void **state)
{
	const struct acpi_fadt *f;

	(void)state;
	build(1);
	f = (const void *)table(xsdt()->entry[0], "FACP");
	assert_int_equal(f->sci, 9);
	assert_int_equal(f->smi_cmd, 0);
	assert_int_equal(f->pm1a_evt, VPM_PM1_EVT);
	assert_int_equal(f->x_pm1a_cnt.address, VPM_PM1_CNT);
	assert_int_equal(f->x_pm_timer.address, f->pm_timer);
	assert_int_equal(f->boot_arch & 2, 0); /* no 8042 */
	assert_int_equal(f->reset.address, 0xcf9);
	table(f->dsdt, "DSDT");
	assert_int_equal(f->x_dsdt, f->dsdt);
	assert_memory_equal(at(f->facs), "FACS", 4);
	assert_int_equal(f->facs % 64, 0);
}

static void the_madt_lists_every_vcpu(void **state)
{
	static const u32 counts[] = { 1, 2, 8, CFG_MAX_VCPUS };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(counts); i++) {
		const struct acpi_table *t;
		u32 lapics = 0, others = 0;

		build(counts[i]);
		t = table(xsdt()->entry[1], "APIC");
		for (const u8 *p = (const u8 *)t + 44; p < (const u8 *)t + t->length; p += p[1]) {
			assert_in_range(p[1], 6, 12);
			if (p[0] == 0) {
				assert_int_equal(p[3], lapics);
				assert_int_equal(p[4], 1);
				lapics++;
			} else {
				others++;
			}
		}
		assert_int_equal(lapics, counts[i]);
		assert_int_equal(others, 4);
	}
}

static void no_ram_or_no_room_is_an_error(void **state)
{
	(void)state;
	build(1);
	ram_end = VM_ACPI_BASE + 0x80;
	assert_int_equal(vacpi_build(&machine_vm), -EFAULT);
}

/* Runs iasl over a table; its output must not complain. */
static void disassemble(const char *dir, const struct acpi_table *t)
{
	char path[128], cmd[400], out[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%.4s.dat", dir, t->signature);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(t, 1, t->length, f), t->length);
	fclose(f);
	/* And back: what was disassembled compiles. */
	snprintf(cmd, sizeof(cmd),
		 "cd %s && iasl -d %.4s.dat 2>&1 && iasl -f -p back %.4s.dsl 2>&1", dir,
		 t->signature, t->signature);
	f = popen(cmd, "r");
	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = 0;
	if (pclose(f) != 0 || strstr(out, "Error  ") || strstr(out, "Invalid") ||
	    strstr(out, "ncorrect"))
		fail_msg("%.4s: %s", t->signature, out);
}

static void iasl_understands_every_table(void **state)
{
	char dir[] = "vacpi_XXXXXX", cmd[64];
	const struct acpi_fadt *f;

	(void)state;
	build(4);
	assert_non_null(mkdtemp(dir));
	f = (const void *)table(xsdt()->entry[0], "FACP");
	disassemble(dir, &f->header);
	disassemble(dir, table(xsdt()->entry[1], "APIC"));
	disassemble(dir, &xsdt()->header);
	disassemble(dir, table(search()->rsdt, "RSDT"));
	disassemble(dir, at(f->facs));
	disassemble(dir, table(f->dsdt, "DSDT"));
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_roots_lead_to_the_same_tables),
		cmocka_unit_test(the_fadt_says_what_the_devices_do),
		cmocka_unit_test(the_madt_lists_every_vcpu),
		cmocka_unit_test(no_ram_or_no_room_is_an_error),
		cmocka_unit_test(iasl_understands_every_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
