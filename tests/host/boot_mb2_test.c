/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: boot/mb2.c boot/cmdline.c */
/* Boot information and command line: what a loader may hand over, and what a broken one might. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "boot/cmdline.h"
#include "boot/mb2.h"
#include "tests/host/test.h"

static u8 block[4096] __aligned(8);
static u32 fill;

static void tag(u32 type, const void *body, u32 size)
{
	u32 head[2] = { type, size + 8 };

	memcpy(block + fill, head, 8);
	if (size)
		memcpy(block + fill + 8, body, size);
	fill = ALIGN_UP(fill + 8 + size, 8U);
	memcpy(block, &fill, 4);
}

static void begin(void)
{
	memset(block, 0, sizeof(block));
	fill = 8;
}

static void module_tag(u32 start, u32 end, const char *text)
{
	u8 body[128];

	memcpy(body, &start, 4);
	memcpy(body + 4, &end, 4);
	strcpy((char *)body + 8, text);
	tag(3, body, (u32)(8 + strlen(text) + 1));
}

static void typical_block(void)
{
	struct {
		u32 entry_size, version;

		struct {
			u64 base, len;
			u32 type, zero;
		} e[3];
	} mmap = {
		24,
		0,
		{ { 0, 0x9fc00, 1, 0 }, { SZ_1M, 0x3ff00000, 1, 0 }, { 0xfffc0000, 0x40000, 2, 0 } }
	};

	u8 rsdp_old[20] = "RSD PTR 1", rsdp_new[36] = "RSD PTR 2";

	begin();
	tag(1, "quiet cpus=2", 13);
	tag(2, "GRUB 2.06", 10);
	module_tag(0x200000, 0x201000, "/boot/machine.ini some words");
	module_tag(0x300000, 0x300001, "vmlinuz");
	tag(6, &mmap, sizeof(mmap));
	tag(15, rsdp_new, sizeof(rsdp_new));
	tag(14, rsdp_old, sizeof(rsdp_old));
	tag(0, NULL, 0);
}

static void a_typical_block_is_copied_out(void **s)
{
	struct boot_info bi;
	u32 dropped;

	(void)s;
	typical_block();
	assert_int_equal(mb2_parse(block, sizeof(block), &bi, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_string_equal(bi.cmdline, "quiet cpus=2");
	assert_string_equal(bi.loader, "GRUB 2.06");
	assert_int_equal(bi.nr_modules, 2);
	assert_string_equal(bi.module[0].name, "machine.ini");
	assert_int_equal(bi.module[0].size, 0x1000);
	assert_string_equal(bi.module[1].name, "vmlinuz");
	assert_int_equal(bi.nr_ranges, 3);
	assert_int_equal(bi.range[1].base.v, SZ_1M);
	assert_true(bi.has_rsdp);
	assert_int_equal(bi.rsdp[8], '2'); /* the new one wins, in any order */
}

static void every_truncation_is_refused(void **s)
{
	struct boot_info bi;
	u32 dropped, whole;

	(void)s;
	typical_block();
	whole = fill;
	for (u32 n = 0; n < whole; n++) {
		u8 *exact = malloc(n ? n : 1);

		memcpy(exact, block, n);
		if (n >= 4)
			memcpy(exact, &n, 4); /* the size field agrees with what is there */
		assert_int_equal(mb2_parse(exact, n, &bi, &dropped), -EINVAL);
		free(exact);
	}
}

static void random_corruption_does_no_harm(void **s)
{
	struct boot_info bi;
	u32 dropped;

	(void)s;
	srand(7);
	for (int i = 0; i < 50000; i++) {
		u8 *exact;

		typical_block();
		for (int k = 0; k < 4; k++)
			block[rand() % (int)fill] = (u8)rand();
		exact = malloc(fill);
		memcpy(exact, block, fill);
		(void)!mb2_parse(exact, fill, &bi, &dropped);
		assert_true(bi.nr_modules <= BOOT_MAX_MODULES && bi.nr_ranges <= BOOT_MAX_RANGES);
		free(exact);
	}
}

static void too_many_modules_are_counted(void **s)
{
	struct boot_info bi;
	u32 dropped;

	(void)s;
	begin();
	for (u32 i = 0; i < BOOT_MAX_MODULES + 3; i++)
		module_tag(i, i + 1, "m");
	tag(0, NULL, 0);
	assert_int_equal(mb2_parse(block, sizeof(block), &bi, &dropped), 0);
	assert_int_equal(bi.nr_modules, BOOT_MAX_MODULES);
	assert_int_equal(dropped, 3);
}

static char complaints[512];

static void complain(const char *word, const char *why)
{
	size_t n = strlen(complaints);

	snprintf(complaints + n, sizeof(complaints) - n, "%s %s; ", word, why);
}

static void options_are_read_and_mistakes_named(void **s)
{
	struct boot_options o;

	(void)s;
	complaints[0] = 0;
	cmdline_parse("  cpus=2 quiet\tnox2apic exit=debug escape=a noauto pool=6 ", &o, complain);
	assert_string_equal(complaints, "");
	assert_int_equal(o.max_cpus, 2);
	assert_true(o.quiet && !o.x2apic && o.exit_debug && !o.autostart);
	assert_int_equal(o.escape, 1);
	assert_int_equal(o.pool_pages, 6);
	assert_int_equal(o.without, 0);
	cmdline_parse("npt=off vpid=off", &o, complain);
	assert_int_equal(o.without, HV_NESTED | HV_TAGS);
	cmdline_parse("ept=off ug=off", &o, complain);
	assert_int_equal(o.without, HV_NESTED | HV_UNRESTRICTED);
	assert_string_equal(complaints, "");
	cmdline_parse("multihit=on", &o, complain);
	assert_int_equal(o.without, HV_LARGE_CODE);
	cmdline_parse("multihit=on multihit=off ug=off", &o, complain);
	assert_int_equal(o.without, HV_SMALL_CODE | HV_UNRESTRICTED);
	assert_string_equal(complaints, "");
	cmdline_parse("multihit=maybe multihit", &o, complain);
	assert_non_null(strstr(complaints, "multihit=maybe wants on or off; multihit wants"));
	complaints[0] = 0;
	cmdline_parse("ug=on", &o, complain);
	assert_non_null(strstr(complaints, "ug=on can only be off"));
	complaints[0] = 0;
	cmdline_parse("cpus=0 pool=3 colour exit=now escape=12 quiet=1", &o, complain);
	assert_non_null(strstr(complaints, "cpus=0 wants a number"));
	assert_non_null(strstr(complaints, "pool=3 wants a number"));
	assert_non_null(strstr(complaints, "colour is no option"));
	assert_non_null(strstr(complaints, "exit=now knows only"));
	assert_non_null(strstr(complaints, "escape=12 wants one"));
	assert_non_null(strstr(complaints, "quiet=1 takes no"));
	cmdline_parse("", &o, complain);
	assert_true(o.x2apic && o.autostart && !o.quiet && o.escape == 0x1d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_typical_block_is_copied_out),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(random_corruption_does_no_harm),
		cmocka_unit_test(too_many_modules_are_counted),
		cmocka_unit_test(options_are_read_and_mistakes_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
