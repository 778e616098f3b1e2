/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine description: values, defaults, and one sentence for each mistake. */
/* SOURCES: vm/config.c lib/ini.c lib/cmd.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vm/config.h"

static struct config cfg;
static char err[256];

static int parse(const char *text)
{
	memset(&cfg, 0xee, sizeof(cfg));
	memset(err, 0, sizeof(err));
	return config_parse(&cfg, "machine.ini", text, strlen(text), err, sizeof(err));
}

static void fails(const char *text, const char *sentence)
{
	assert_int_not_equal(parse(text), 0);
	if (!strstr(err, sentence))
		fail_msg("\"%s\" does not contain \"%s\"", err, sentence);
}

static void reads_all_keys(void **state)
{
	(void)state;
	assert_int_equal(parse("; two machines\n"
			       "[vm linux]\n"
			       "cpus    = 2\n"
			       "memory  = 256M ; comment\n"
			       "paging  = npt\n"
			       "kernel  = vmlinuz\n"
			       "initrd  = initramfs\n"
			       "cmdline = console=ttyS0 quiet\n"
			       "nested  = yes\n"
			       "[vm b.2]\n"
			       "kernel = test\n"
			       "ignore_msrs = on\n"
			       "autostart = no\n"
			       "debug_exit = true\n"),
			 0);
	assert_int_equal(cfg.nr_vms, 2);
	assert_string_equal(cfg.vm[0].name, "linux");
	assert_int_equal(cfg.vm[0].cpus, 2);
	assert_int_equal(cfg.vm[0].memory, 256 * SZ_1M);
	assert_int_equal(cfg.vm[0].paging, PAGING_NPT);
	assert_string_equal(cfg.vm[0].kernel, "vmlinuz");
	assert_string_equal(cfg.vm[0].initrd, "initramfs");
	assert_string_equal(cfg.vm[0].cmdline, "console=ttyS0 quiet");
	assert_true(cfg.vm[0].nested && cfg.vm[0].autostart);
	assert_false(cfg.vm[0].ignore_msrs || cfg.vm[0].debug_exit);
	assert_string_equal(cfg.vm[1].name, "b.2");
	assert_true(cfg.vm[1].ignore_msrs && cfg.vm[1].debug_exit);
	assert_false(cfg.vm[1].autostart || cfg.vm[1].nested);
}

static void defaults_are_one_cpu_and_256M(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel=k"), 0);
	assert_int_equal(cfg.vm[0].cpus, 1);
	assert_int_equal(cfg.vm[0].memory, 256 * SZ_1M);
	assert_int_equal(cfg.vm[0].paging, PAGING_AUTO);
	assert_string_equal(cfg.vm[0].cmdline, "");
	assert_string_equal(cfg.vm[0].initrd, "");
}

static void mistakes_name_file_and_line(void **state)
{
	(void)state;
	fails("[vm a]\nkernel=k\ncpus=0\n",
	      "machine.ini:3: cpus = 0: it should be a number from 1");
	fails("[vm a]\nkernel=k\n\ncpus=33\n", "machine.ini:4: ");
	fails("[vm a]\ncpus=two\n", "machine.ini:2: ");
	fails("[vm a]\nmemory=512\n", "machine.ini:2: memory = 512: it should be a size from 1M");
	fails("[vm a]\nmemory=1048577\n", "whole 4K pages");
	fails("[vm a]\nmemory=2T\n", "machine.ini:2: ");
	fails("[vm a]\npaging=none\n", "auto, npt, ept or shadow");
	fails("[vm a]\nnested=maybe\n", "yes or no");
	fails("[vm a]\nkernel=\n", "machine.ini:2: ");
	fails("[vm a]\nkernal=k\n", "machine.ini:2: unknown key kernal");
	fails("[vm a]\nkernel\n", "machine.ini:2: ");
	fails("cpus=1\n", "machine.ini:1: ");
	fails("[disk a]\n", "machine.ini:1: unknown section [disk]");
	fails("[vm]\n", "machine.ini:1: a machine needs a name");
	fails("[vm a b]\n", "machine.ini:1: a machine needs a name");
	fails("[vm abcdefghijklmnopqrstuvwx]\n", "1 to 23");
}

static void a_key_given_twice_is_refused(void **state)
{
	(void)state;
	fails("[vm a]\nkernel=k\ncpus=1\ncpus=2\n", "machine.ini:4: cpus is given twice for vm a");
}

static void two_machines_of_one_name_are_refused(void **state)
{
	(void)state;
	fails("[vm a]\nkernel=k\n[vm b]\nkernel=k\n[vm a]\nkernel=k\n",
	      "machine.ini:5: a second machine is called a (the first is in line 1)");
	assert_int_equal(cfg.nr_vms, 2);
}

static void a_machine_without_kernel_is_named_with_its_line(void **state)
{
	(void)state;
	fails("[vm a]\nkernel=k\n[vm b]\ncpus=1\n[vm c]\nkernel=k\n",
	      "machine.ini:3: vm b has no kernel");
	assert_int_equal(cfg.nr_vms, 1);
}

static void machines_before_the_mistake_remain(void **state)
{
	(void)state;
	fails("[vm a]\nkernel=k\n[vm b]\nkernel=k\ncpus=99\n", "machine.ini:5: ");
	assert_int_equal(cfg.nr_vms, 1);
	assert_string_equal(cfg.vm[0].name, "a");
	/* a is incomplete, so it does not remain; the first sentence is shown. */
	fails("[vm a]\ncpus=1\n[vm b]\ncpus=99\n", "machine.ini:4: ");
	assert_int_equal(cfg.nr_vms, 0);
}

static void no_machine_at_all_is_said(void **state)
{
	(void)state;
	fails("", "machine.ini: no machine in it");
	fails("; nothing\n", "no machine in it");
}

static void more_than_the_maximum_is_refused(void **state)
{
	char text[CFG_MAX_VMS * 32 + 64];
	size_t n = 0;

	(void)state;
	for (int i = 0; i <= CFG_MAX_VMS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[vm m%d]\nkernel=k\n", i);
	fails(text, "machine.ini:33: more than 16 machines");
	assert_int_equal(cfg.nr_vms, CFG_MAX_VMS);
}

static void text_that_does_not_fit_is_refused(void **state)
{
	char text[800];

	(void)state;
	snprintf(text, sizeof(text), "[vm a]\nkernel=k\ncmdline=%0511d\n", 1);
	assert_int_equal(parse(text) != 0, 0);
	snprintf(text, sizeof(text), "[vm a]\nkernel=k\ncmdline=%0512d\n", 1);
	assert_int_not_equal(parse(text), 0);
	snprintf(text, sizeof(text), "[vm a]\nkernel=%064d\n", 1);
	fails(text, "a module name of 1 to 63 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_keys),
		cmocka_unit_test(defaults_are_one_cpu_and_256M),
		cmocka_unit_test(mistakes_name_file_and_line),
		cmocka_unit_test(a_key_given_twice_is_refused),
		cmocka_unit_test(two_machines_of_one_name_are_refused),
		cmocka_unit_test(a_machine_without_kernel_is_named_with_its_line),
		cmocka_unit_test(machines_before_the_mistake_remain),
		cmocka_unit_test(no_machine_at_all_is_said),
		cmocka_unit_test(more_than_the_maximum_is_refused),
		cmocka_unit_test(text_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
