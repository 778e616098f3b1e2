/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/machines.h"

#include <string.h>

#include "lib/log.h"

#include "arch/mem.h"
#include "boot/mb2.h"
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

static struct vm *start_one(const struct vm_config *cfg, bool autostart)
{
	char err[200];
	struct vm *vm = vm_create(cfg, err, sizeof(err));

	if (vm && (!autostart || !cfg->autostart))
		return NULL;
	if (vm && !vm_start(vm, err, sizeof(err)))
		return vm;
	pr_err("boot: %s", err);
	return NULL;
}

struct vm *machines_start(const struct boot_info *bi, bool autostart)
{
	static struct config cfg; /* too large for a stack */
	const struct boot_module *ini = find_ini(bi);
	struct vm *started = NULL;
	char err[200];
	u32 nr = 0;

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
	for (u32 i = 0; i < cfg.nr_vms; i++) {
		struct vm *vm = start_one(&cfg.vm[i], autostart);

		if (vm) {
			started = vm;
			nr++;
		}
	}
	return nr == 1 ? started : NULL;
}
