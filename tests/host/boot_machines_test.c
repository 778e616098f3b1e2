/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: boot/machines.c vm/config.c lib/ini.c lib/cmd.c tests/host/fake/bug.c */
/*
 * What becomes of the INI module: machines, their shares of the MMU's pool, and who has the line.
 */
#include <stdio.h>

#include "lib/log.h"

#include "boot/machines.h"
#include "boot/mb2.h"
#include "mmu/mmu.h"
#include "tests/host/test.h"
#include "vm/config.h"
#include "vm/vm.h"

static struct vm made[CFG_MAX_VMS];
static u32 pages[CFG_MAX_VMS], nr_made, nr_started, pool, nr_modules;
static const char *no_room; /* for this machine */
static char logged[512];

u32 mmu_pool_total(void)
{
	return pool;
}

/* A page for each MiB. */
u64 vm_table_pages(const struct vm_config *cfg)
{
	return cfg->memory / SZ_1M;
}

void vm_set_modules(const struct vm_module *mods, u32 nr)
{
	(void)mods;
	nr_modules = nr;
}

struct vm *vm_create(const struct vm_config *cfg, u32 table_pages, char *err, size_t err_size)
{
	if (no_room && strcmp(cfg->name, no_room) == 0) {
		snprintf(err, err_size, "vm %s: no room", cfg->name);
		return NULL;
	}
	made[nr_made].cfg = *cfg;
	pages[nr_made] = table_pages;
	return &made[nr_made++];
}

int vm_start(struct vm *vm, char *err, size_t err_size)
{
	(void)vm;
	(void)err;
	(void)err_size;
	nr_started++;
	return 0;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	assert_int_equal(level, LOG_ERR);
	va_start(ap, fmt);
	vsnprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), fmt, ap);
	va_end(ap);
}

static int setup(void **state)
{
	(void)state;
	nr_made = nr_started = nr_modules = 0;
	pool = 10000;
	no_room = NULL;
	logged[0] = '\0';
	return 0;
}

/* The machines of this text; NULL is no INI module. */
static const struct config *read_ini(const char *text)
{
	static struct boot_info info;

	memset(&info, 0, sizeof(info));
	info.nr_modules = text ? 2 : 1;
	strcpy(info.module[0].name, "k");
	if (text) {
		strcpy(info.module[1].name, "machine.ini");
		info.module[1].base = HPA((u64)text);
		info.module[1].size = strlen(text);
	}
	return machines_read(&info);
}

#define THREE                                                 \
	"[vm a]\nkernel = k\nmemory = 100M\n"                 \
	"[vm b]\nkernel = k\nmemory = 300M\nautostart = no\n" \
	"[vm c]\nkernel = k\nmemory = 50M\n"

static void each_machine_gets_what_it_asks_for(void **state)
{
	const struct config *cfg = read_ini(THREE);

	(void)state;
	assert_non_null(cfg);
	assert_int_equal(nr_modules, 2);
	assert_int_equal(machines_table_pages(cfg), 450);
	pool = 450;
	assert_null(machines_start(cfg, true));
	assert_int_equal(nr_made, 3);
	assert_int_equal(pages[0], 100);
	assert_int_equal(pages[1], 300);
	assert_int_equal(pages[2], 50);
	assert_int_equal(nr_started, 2);
	assert_string_equal(logged, "");
}

/* Also where a machine asks for far more than there is. */
static void shares_of_a_pool_that_is_too_small_add_up_to_it(void **state)
{
	(void)state;
	pool = 100;
	machines_start(read_ini(THREE), true);
	assert_int_equal(pages[0], 22);
	assert_int_equal(pages[1], 66);
	assert_int_equal(pages[2], 11);
	setup(NULL);
	pool = 4194304;
	machines_start(read_ini("[vm a]\nkernel = k\nmemory = 1T\n"), true);
	assert_int_equal(pages[0], 1048576);
	setup(NULL);
	pool = 116;
	machines_start(read_ini("[vm a]\nkernel = k\nmemory = 1T\n"), true);
	assert_int_equal(pages[0], 116);
}

static void the_only_machine_that_runs_gets_the_line(void **state)
{
	(void)state;
	assert_null(machines_start(read_ini(THREE), false));
	assert_int_equal(nr_started, 0);
	setup(NULL);
	no_room = "a";
	assert_string_equal(machines_start(read_ini(THREE), true)->cfg.name, "c");
	assert_string_equal(logged, "boot: vm a: no room");
}

static void without_a_good_ini_file_there_is_no_machine(void **state)
{
	(void)state;
	assert_null(read_ini(NULL));
	assert_non_null(strstr(logged, "give GRUB an INI file"));
	logged[0] = '\0';
	assert_null(read_ini("[vm a]\nkernel = k\nmemory = lots\n"));
	assert_non_null(strstr(logged, "machine.ini:3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_machine_gets_what_it_asks_for, setup),
		cmocka_unit_test_setup(shares_of_a_pool_that_is_too_small_add_up_to_it, setup),
		cmocka_unit_test_setup(the_only_machine_that_runs_gets_the_line, setup),
		cmocka_unit_test_setup(without_a_good_ini_file_there_is_no_machine, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
