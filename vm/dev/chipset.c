/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/dev/chipset.h"

#include "vm/dev/vfwcfg.h"
#include "vm/dev/vioapic.h"
#include "vm/dev/vpic.h"
#include "vm/dev/vpit.h"
#include "vm/dev/vpm.h"
#include "vm/dev/vports.h"
#include "vm/dev/vrtc.h"
#include "vm/dev/vuart.h"
#include "vm/vm.h"

/* Interrupt controllers come first: the others may move their lines when they are reset. */
static const struct device {
	int (*create)(struct vm *vm);
	void (*reset)(struct vm *vm);
	void (*quiesce)(struct vm *vm); /* NULL: it has no timer */
	void (*destroy)(struct vm *vm);
} devices[] = {
	{ vpic_create, vpic_reset, NULL, vpic_destroy },
	{ vioapic_create, vioapic_reset, NULL, vioapic_destroy },
	{ vpit_create, vpit_reset, vpit_quiesce, vpit_destroy },
	{ vrtc_create, vrtc_reset, vrtc_quiesce, vrtc_destroy },
	{ vpm_create, vpm_reset, vpm_quiesce, vpm_destroy },
	{ vuart_create, vuart_reset, NULL, vuart_destroy },
	{ vports_create, vports_reset, NULL, vports_destroy },
	{ vfwcfg_create, vfwcfg_reset, NULL, vfwcfg_destroy },
};

int chipset_create(struct vm *vm)
{
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++) {
		int err = devices[i].create(vm);

		if (err) {
			chipset_destroy(vm);
			return err;
		}
	}
	return 0;
}

void chipset_reset(struct vm *vm)
{
	spin_lock(&vm->chipset_lock);
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++)
		devices[i].reset(vm);
	spin_unlock(&vm->chipset_lock);
}

void chipset_quiesce(struct vm *vm)
{
	spin_lock(&vm->chipset_lock);
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].quiesce)
			devices[i].quiesce(vm);
	spin_unlock(&vm->chipset_lock);
}

void chipset_destroy(struct vm *vm)
{
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++)
		devices[i].destroy(vm);
}
