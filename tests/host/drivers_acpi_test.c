/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: drivers/acpi.c lib/fmt.c */
/* ACPI tables built by hand, then cut short and filled with noise. */

#include "drivers/acpi.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/fmt.h"

#include "tests/host/test.h"

#define MEM_SIZE 8192
#define AT_RSDP  0x000
#define AT_XSDT  0x100
#define AT_RSDT  0x200
#define AT_MADT  0x300
#define AT_FADT  0x500
#define AT_DSDT  0x700

/* Physical memory: 0x10000 and up. A test may only see what it maps, byte for byte. */
#define BASE 0x10000

static u8 *mem;
static u64 mem_size;
static struct acpi_info info;

static const void *map(hpa_t addr, u64 len)
{
	if (addr.v < BASE || addr.v - BASE > mem_size || len > mem_size - (addr.v - BASE))
		return NULL;
	return mem + (addr.v - BASE);
}

static void put(u32 at, u64 v, u32 size)
{
	for (u32 i = 0; i < size; i++)
		mem[at + i] = (u8)(v >> 8 * i);
}

static void seal(u32 at, u32 len, u32 sum_at)
{
	mem[at + sum_at] = 0;
	mem[at + sum_at] = (u8)(0x100 - fmt_sum8(mem + at, len));
}

static void table(u32 at, const char *sig, u32 len)
{
	memcpy(mem + at, sig, 4);
	put(at + 4, len, 4);
	seal(at, len, 9);
}

static void make_madt(void)
{
	static const u8 entries[] = {
		0, 8,  0,    0, 1,    0,    0,    0, /* CPU 0 */
		0, 8,  1,    4, 0,    0,    0,    0, /* CPU 4, not usable */
		9, 16, 0,    0, 0x34, 0x12, 0,    0,    1,    0, 0, 0,
		0, 0,  0,    0,                                        /* x2APIC 0x1234 */
		1, 12, 7,    0, 0,    0,    0xc0, 0xfe, 0,    0, 0, 0, /* I/O APIC 7 */
		2, 10, 0,    0, 2,    0,    0,    0,    0,    0,       /* IRQ 0 -> GSI 2 */
		2, 10, 0,    9, 9,    0,    0,    0,    0x0f, 0,       /* IRQ 9: level, low */
		4, 6,  0xff, 0, 0,    1,                               /* NMI at LINT1 */
		5, 12, 0,    0, 0,    0,    0xe1, 0xfe, 0,    0, 0, 0, /* local APIC moved */
	};

	put(AT_MADT + 36, 0xfee00000, 4);
	put(AT_MADT + 40, 1, 4);
	memcpy(mem + AT_MADT + 44, entries, sizeof(entries));
	table(AT_MADT, "APIC", 44 + sizeof(entries));
}

static void make_fadt(void)
{
	put(AT_FADT + 40, BASE + AT_DSDT, 4);
	put(AT_FADT + 48, 0xb2, 4);
	put(AT_FADT + 52, 0xf1, 1);
	put(AT_FADT + 64, 0x604, 4);
	put(AT_FADT + 76, 0x608, 4);
	put(AT_FADT + 112, BIT32(10) | BIT32(8), 4);
	put(AT_FADT + 116, 1, 1);
	put(AT_FADT + 117, 8, 1);
	put(AT_FADT + 120, 0xcf9, 8);
	put(AT_FADT + 128, 0x0f, 1);
	table(AT_FADT, "FACP", 244);
}

static void make_dsdt(const u8 *aml, u32 len)
{
	memcpy(mem + AT_DSDT + 36, aml, len);
	table(AT_DSDT, "DSDT", 36 + len);
}

static const u8 s5_small[] = { 0x08, '_',  'S',  '5',  '_',  0x12, 0x06,
			       0x04, 0x0a, 0x05, 0x01, 0x00, 0x00 };

static int make(void **state)
{
	(void)state;
	mem = calloc(1, MEM_SIZE);
	mem_size = MEM_SIZE;
	make_madt();
	make_fadt();
	make_dsdt(s5_small, sizeof(s5_small));
	put(AT_XSDT + 36, BASE + AT_FADT, 8);
	put(AT_XSDT + 44, BASE + AT_MADT, 8);
	table(AT_XSDT, "XSDT", 52);
	put(AT_RSDT + 36, BASE + AT_MADT, 4);
	table(AT_RSDT, "RSDT", 40);
	memcpy(mem + AT_RSDP, "RSD PTR ", 8);
	mem[AT_RSDP + 15] = 2;
	put(AT_RSDP + 16, BASE + AT_RSDT, 4);
	put(AT_RSDP + 20, 36, 4);
	put(AT_RSDP + 24, BASE + AT_XSDT, 8);
	seal(AT_RSDP, 20, 8);
	seal(AT_RSDP, 36, 32);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	free(mem);
	return 0;
}

static int parse(void)
{
	return acpi_parse(&info, mem + AT_RSDP, 36, map);
}

static void madt_gives_cpus_and_interrupt_routes(void **state)
{
	(void)state;
	assert_int_equal(parse(), 0);
	assert_int_equal(info.nr_cpus, 3);
	assert_int_equal(info.cpus[0].apic_id, 0);
	assert_true(info.cpus[0].usable);
	assert_int_equal(info.cpus[1].apic_id, 4);
	assert_false(info.cpus[1].usable);
	assert_int_equal(info.cpus[2].apic_id, 0x1234);
	assert_int_equal(info.nr_ioapics, 1);
	assert_int_equal(info.ioapics[0].base.v, 0xfec00000);
	assert_int_equal(info.ioapics[0].id, 7);
	assert_int_equal(info.isa[0].gsi, 2);
	assert_int_equal(info.isa[4].gsi, 4);
	assert_true(info.isa[9].level && info.isa[9].active_low);
	assert_true(info.lint_nmi && info.lint1_nmi && info.has_pic);
	assert_int_equal(info.lapic_base.v, 0xfee10000);
}

static void fadt_gives_reset_power_and_timer(void **state)
{
	(void)state;
	assert_int_equal(parse(), 0);
	assert_int_equal(info.reset.space, ACPI_SPACE_IO);
	assert_int_equal(info.reset.addr, 0xcf9);
	assert_int_equal(info.reset_value, 0x0f);
	assert_int_equal(info.pm1a_cnt, 0x604);
	assert_int_equal(info.pm1b_cnt, 0);
	assert_int_equal(info.smi_cmd, 0xb2);
	assert_int_equal(info.acpi_enable, 0xf1);
	assert_int_equal(info.pm_timer, 0x608);
	assert_true(info.pm_timer_32bit);
	assert_true(info.has_s5);
	assert_int_equal(info.s5_typ_a, 5);
	assert_int_equal(info.s5_typ_b, 1);
}

static void s5_is_found_with_root_prefix_and_long_package_length(void **state)
{
	static const u8 aml[] = { 0x5b, 0x80, 0x08, '\\', '_',  'S',  '5',  '_', 0x12, 0x47,
				  0x00, 0x04, 0x0b, 0x07, 0x00, 0x0c, 0x02, 0,   0,    0 };

	(void)state;
	make_dsdt(aml, sizeof(aml));
	assert_int_equal(parse(), 0);
	assert_true(info.has_s5);
	assert_int_equal(info.s5_typ_a, 7);
	assert_int_equal(info.s5_typ_b, 2);
}

static void text_that_only_looks_like_s5_is_not_taken(void **state)
{
	static const u8 no_name_op[] = {
		0x14, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 5, 0
	};
	static const u8 no_package[] = {
		0x08, '_', 'S', '5', '_', 0x0a, 6, 4, 0x0a, 5, 0x0a, 5, 0
	};
	static const u8 cut[] = { 0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a };

	(void)state;
	make_dsdt(no_name_op, sizeof(no_name_op));
	assert_int_equal(parse(), 0);
	assert_false(info.has_s5);
	make_dsdt(no_package, sizeof(no_package));
	assert_int_equal(parse(), 0);
	assert_false(info.has_s5);
	make_dsdt(cut, sizeof(cut));
	assert_int_equal(parse(), 0);
	assert_false(info.has_s5);
}

static void broken_xsdt_falls_back_to_the_rsdt(void **state)
{
	(void)state;
	mem[AT_XSDT + 40]++;
	assert_int_equal(parse(), 0);
	assert_int_equal(info.nr_cpus, 3);
	assert_int_equal(info.pm1a_cnt, 0); /* the RSDT names no FADT */
}

static void broken_checksum_leaves_a_table_out(void **state)
{
	(void)state;
	mem[AT_MADT + 50]++;
	assert_int_equal(parse(), 0);
	assert_int_equal(info.nr_cpus, 0);
	assert_int_equal(info.isa[0].gsi, 0);
	assert_int_equal(info.pm1a_cnt, 0x604);
}

static void unusable_root_gives_defaults_and_einval(void **state)
{
	(void)state;
	mem[AT_RSDP]++;
	assert_int_equal(parse(), -EINVAL);
	assert_int_equal(info.lapic_base.v, 0xfee00000);
	assert_int_equal(info.isa[15].gsi, 15);
	assert_int_equal(acpi_parse(&info, NULL, 0, map), -EINVAL);
}

static void entry_that_leaves_the_table_ends_it(void **state)
{
	(void)state;
	mem[AT_MADT + 44 + 8 + 1] = 200;
	seal(AT_MADT, 44 + 92, 9);
	assert_int_equal(parse(), 0);
	mem[AT_MADT + 44 + 8 + 1] = 0;
	put(AT_MADT + 4, 44 + 40, 4);
	seal(AT_MADT, 44 + 40, 9);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.nr_cpus, 1);
}

/* Memory ends at every place in turn; a read behind the end is seen by the address sanitizer. */
static void tables_may_be_cut_off_anywhere(void **state)
{
	u8 *whole = mem;

	(void)state;
	for (mem_size = 36; mem_size < AT_DSDT + 0x100; mem_size++) {
		mem = malloc(mem_size);
		memcpy(mem, whole, mem_size);
		(void)!parse();
		free(mem);
	}
	mem = whole;
}

/* The same for one table whose length says so and whose checksum is right. */
static void tables_may_be_shorter_than_usual(void **state)
{
	(void)state;
	for (u32 len = 36; len < 244; len++) {
		put(AT_FADT + 4, len, 4);
		seal(AT_FADT, len, 9);
		put(AT_MADT + 4, MIN(len, 44U + 92), 4);
		seal(AT_MADT, MIN(len, 44U + 92), 9);
		assert_int_equal(parse(), 0);
		assert_int_equal(info.pm1a_cnt, len >= 68 ? 0x604 : 0);
	}
}

static void noise_in_the_tables_is_survived(void **state)
{
	static const struct {
		u32 at, len;
	} parts[] = { { AT_MADT, 44 + 92 }, { AT_FADT, 244 }, { AT_DSDT, 49 }, { AT_XSDT, 52 } };

	u64 seed = 88172645463325252ULL;

	(void)state;
	for (u32 i = 0; i < 200000; i++) {
		u32 p = (u32)(test_random(&seed) % ARRAY_SIZE(parts));
		u32 off = (u32)(test_random(&seed) % parts[p].len);
		u8 old = mem[parts[p].at + off];

		mem[parts[p].at + off] = (u8)test_random(&seed);
		seal(parts[p].at, parts[p].len, 9);
		(void)!parse();
		assert_true(info.nr_cpus <= ACPI_MAX_CPUS);
		if (i % 4) {
			mem[parts[p].at + off] = old;
			seal(parts[p].at, parts[p].len, 9);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(madt_gives_cpus_and_interrupt_routes, make, drop),
		cmocka_unit_test_setup_teardown(fadt_gives_reset_power_and_timer, make, drop),
		cmocka_unit_test_setup_teardown(
			s5_is_found_with_root_prefix_and_long_package_length, make, drop),
		cmocka_unit_test_setup_teardown(text_that_only_looks_like_s5_is_not_taken, make,
						drop),
		cmocka_unit_test_setup_teardown(broken_xsdt_falls_back_to_the_rsdt, make, drop),
		cmocka_unit_test_setup_teardown(broken_checksum_leaves_a_table_out, make, drop),
		cmocka_unit_test_setup_teardown(unusable_root_gives_defaults_and_einval, make,
						drop),
		cmocka_unit_test_setup_teardown(entry_that_leaves_the_table_ends_it, make, drop),
		cmocka_unit_test_setup_teardown(tables_may_be_cut_off_anywhere, make, drop),
		cmocka_unit_test_setup_teardown(tables_may_be_shorter_than_usual, make, drop),
		cmocka_unit_test_setup_teardown(noise_in_the_tables_is_survived, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
