/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that GRUB loaded beside the hypervisor, by name. */
#include "vm/vm.h"

#include <string.h>

static const struct vm_module *modules;
static u32 nr_modules;

void vm_set_modules(const struct vm_module *mods, u32 nr)
{
	modules = mods;
	nr_modules = nr;
}

const struct vm_module *vm_module_find(const char *name)
{
	for (u32 i = 0; i < nr_modules; i++) {
		if (strcmp(modules[i].name, name) == 0)
			return &modules[i];
	}
	return NULL;
}
