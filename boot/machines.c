/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/machines.h"

#include <string.h>

#include "lib/log.h"

#include "arch/mem.h"
#include "boot/mb2.h"
#include "mmu/mmu.h"
#include "vm/config.h"
#include "vm/vm.h"

static const struct boot_module *find_ini(const struct boot_info *bi)
{
	for (u32 i = 0; i < bi->nr_modules; i++) {
		size_t n = strlen(bi->module[i].name);

		if (n > 4 && !strcmp(bi->module[i].name + n - 4, ".ini"))
			return &bi->module[i];
	}
	return NULL;
}

static void set_modules(const struct boot_info *bi)
{
	static struct vm_module mods[BOOT_MAX_MODULES];

	for (u32 i = 0; i < bi->nr_modules; i++)
		mods[i] = (struct vm_module){ bi->module[i].name, hpa_ptr(bi->module[i].base),
					      bi->module[i].size };
	vm_set_modules(mods, bi->nr_modules);
}

const struct config *machines_read(const struct boot_info *bi)
{
	static struct config cfg; /* too large for a stack */
	const struct boot_module *ini = find_ini(bi);
	char err[200];

	if (!ini) {
		pr_err("boot: no machines: give GRUB an INI file with them, as in "
		       "\"module2 /boot/machine.ini machine.ini\"");
		return NULL;
	}
	set_modules(bi);
	if (config_parse(&cfg, ini->name, hpa_ptr(ini->base), ini->size, err, sizeof(err))) {
		pr_err("boot: %s", err);
		return NULL;
	}
	return &cfg;
}

u64 machines_table_pages(const struct config *cfg)
{
	u64 sum = 0;

	for (u32 i = 0; i < cfg->nr_vms; i++)
		sum += vm_table_pages(&cfg->vm[i]);
	return sum;
}

/* Shares add up to the pool at most: no guest can use up what another one needs. */
static u32 share(const struct config *cfg, const struct vm_config *vm)
{
	u64 pool = mmu_pool_total(), all = machines_table_pages(cfg), want = vm_table_pages(vm);

	return (u32)(all > pool ? want * pool / all : want);
}

static struct vm *start_one(const struct vm_config *cfg, u32 table_pages, bool autostart)
{
	char err[200];
	struct vm *vm = vm_create(cfg, table_pages, err, sizeof(err));

	if (vm && (!autostart || !cfg->autostart))
		return NULL;
	if (vm && !vm_start(vm, err, sizeof(err)))
		return vm;
	pr_err("boot: %s", err);
	return NULL;
}

struct vm *machines_start(const struct config *cfg, bool autostart)
{
	struct vm *started = NULL;
	u32 nr = 0;

	for (u32 i = 0; i < cfg->nr_vms; i++) {
		struct vm *vm = start_one(&cfg->vm[i], share(cfg, &cfg->vm[i]), autostart);

		if (vm) {
			started = vm;
			nr++;
		}
	}
	return nr == 1 ? started : NULL;
}
