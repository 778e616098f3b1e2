/* SPDX-License-Identifier: BSD-2-Clause */
/* mmu dirty: which frames of its memory a machine writes. */
#include <errno.h>
#include <string.h>

#include "lib/cmd.h"

#include "mmu/mmu.h"
#include "shell/mmu_of.h"
#include "vm/dirty.h"
#include "vm/target.h"
#include "vm/vm.h"

#define CHUNK 1024 /* frames fetched at once */

struct written {
	u64 nr, first, last;
};

static void count(struct written *w, u64 gfn, const u64 *bits, u64 nr)
{
	for (u64 i = 0; i < nr; i++) {
		if (!(bits[i / 64] >> (i % 64) & 1))
			continue;
		if (!w->nr++)
			w->first = gfn + i;
		w->last = gfn + i;
	}
}

static int fetch(struct mmu_vm *m, const struct slot *s, struct written *w)
{
	for (u64 i = 0; i < s->nr; i += CHUNK) {
		u64 bits[CHUNK / 64], nr = ALIGN_UP(MIN(s->nr - i, (u64)CHUNK), 64);
		int rc = mmu_dirty_fetch(m, GFN(s->gfn.v + i), nr, bits);

		if (rc)
			return rc;
		count(w, s->gfn.v + i, bits, MIN(nr, s->nr - i));
	}
	return 0;
}

static void show(struct out *o, struct vm *vm)
{
	const struct slot *s;

	vm_dirty_sync(vm);
	out_heading(o);
	for (u32 i = 0; (s = mmu_slot_nth(mmu_of(vm), i)); i++) {
		struct written w = { .nr = 0 };

		if (!s->dirty_log || fetch(mmu_of(vm), s, &w))
			continue;
		out_begin(o);
		out_hex(o, "gpa", -16, gfn_to_gpa(s->gfn).v);
		out_dec(o, "pages", 10, s->nr);
		out_dec(o, "written", 10, w.nr);
		out_hex(o, "first", 12, w.first);
		out_hex(o, "last", 12, w.last);
		out_end(o);
	}
}

static void run_dirty(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);
	bool on = argc > 1 && !strcmp(argv[1], "on");

	if (!vm)
		return;
	if (argc == 1)
		show(o, vm);
	else if (!on && strcmp(argv[1], "off"))
		out_error(o, "%s is neither on nor off", argv[1]);
	else if (vm_dirty_log(vm, on))
		out_error(o, "out of memory for the log");
}

SHELL_CMD(cmd_mmu_dirty, "mmu", "dirty", "VM [on|off]",
	  "Logs which frames a machine writes, and counts those since it was last asked",
	  "mmu dirty linux on", run_dirty, NULL);
