/* SPDX-License-Identifier: BSD-2-Clause */
/* mmu slots, stat and audit: what guest-physical memory is, what was counted, what must hold. */

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "arch/thread.h"
#include "mmu/audit.h"
#include "mmu/mmu.h"
#include "shell/mmu_of.h"
#include "vm/target.h"
#include "vm/vm.h"

static const char *const kinds[] = {
	[SLOT_NONE] = "none",
	[SLOT_RAM] = "ram",
	[SLOT_ROM] = "rom",
	[SLOT_MMIO] = "mmio",
};

static void run_slots(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);
	const struct slot *s;

	(void)argc;
	out_heading(o);
	for (u32 i = 0; vm && (s = mmu_slot_nth(mmu_of(vm), i)); i++) {
		bool memory = s->kind == SLOT_RAM || s->kind == SLOT_ROM;

		out_begin(o);
		out_hex(o, "gpa", -16, gfn_to_gpa(s->gfn).v);
		out_hex(o, "end", -16, gfn_to_gpa(GFN(s->gfn.v + s->nr)).v);
		out_dec(o, "pages", 10, s->nr);
		out_str(o, "kind", -5, kinds[s->kind]);
		out_hex(o, "hpa", -16, memory ? hfn_to_hpa(s->hfn).v : 0);
		out_dec(o, "device", 6, memory ? 0 : s->dev);
		out_bool(o, "dirty_log", 9, s->dirty_log);
		out_dec(o, "tracked", 7, s->nr_tracked);
		out_end(o);
	}
}

/* --- stat ------------------------------------------------------------------------------------- */

/* What the counters were at the last --reset. The MMU's own go on, others may read them, too. */
static u64 base[CFG_MAX_VMS][MMU_STAT_NR];

static void amount(struct out *o, const char *name, u64 count, const char *help)
{
	out_begin(o);
	out_str(o, "counter", -15, name);
	out_dec(o, "count", 12, count);
	out_str(o, "since", 12, "-");
	out_str(o, "what", -1, help);
	out_end(o);
}

static void counter(struct out *o, enum mmu_stat_id id, u64 count, u64 since)
{
	out_begin(o);
	out_str(o, "counter", -15, mmu_stat_name(id));
	out_dec(o, "count", 12, count);
	out_dec(o, "since", 12, since);
	out_str(o, "what", -1, mmu_stat_help(id));
	out_end(o);
}

/* People need not see what only the other kind of paging counts. */
static bool concerns(enum mmu_stat_id id, bool shadow)
{
	if (id >= MMU_STAT_SHADOW_FAULT)
		return shadow;
	return !shadow || id == MMU_STAT_FAULT_DIRTY || id == MMU_STAT_NOMEM ||
	       id > MMU_STAT_COLLAPSE;
}

static void run_stat(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);
	bool reset = argc > 1;
	const struct mmu_vm *m;

	if (!vm)
		return;
	if (reset && strcmp(argv[1], "--reset") != 0) {
		out_error(o, "unknown option %s; there is only --reset", argv[1]);
		return;
	}
	m = mmu_of(vm);
	out_heading(o);
	amount(o, "pages", m->used, "table pages held");
	amount(o, "quota", m->quota, "table pages that may be held");
	if (m->shadow.on)
		amount(o, "shadows", m->shadow.nr_live, "of these, shadow pages in use");
	for (u32 i = 0; i < MMU_STAT_NR; i++) {
		u64 count = mmu_stat_get(m, (enum mmu_stat_id)i), *from = &base[vm->id][i];

		if (o->json || count || concerns((enum mmu_stat_id)i, m->shadow.on))
			counter(o, (enum mmu_stat_id)i, count, count - *from);
		if (reset)
			*from = count;
	}
}

static void complete_stat(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	target_complete_vm(idx, add, arg);
	if (idx == 1)
		add(arg, "--reset");
}

/* --- audit ------------------------------------------------------------------------------------ */

/* On its own thread a context is not between two registers. */
static void audit_context(struct vcpu *v, void *arg)
{
	mmu_audit_ctx(mmu_ctx_of(v), arg);
}

static void show_error(struct out *o, const struct mmu_audit_error *e)
{
	out_begin(o);
	out_str(o, "rule", -4, e->inv);
	out_hex(o, "gpa", -16, gfn_to_gpa(e->gfn).v);
	out_dec(o, "level", 5, e->level);
	out_hex(o, "entry", -18, e->spte);
	out_str(o, "what", -1, e->text);
	out_end(o);
}

static void run_audit(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);
	struct mmu_audit a;

	(void)argc;
	if (!vm)
		return;
	mmu_audit_begin(&a);
	a.live = true;
	/* One table under one hold of the lock. */
	while (!mmu_audit_step(mmu_of(vm), &a, 1))
		thread_yield();
	for (u32 i = 0; i < vm->nr_vcpus && mmu_of(vm)->shadow.on; i++)
		vcpu_call(vm->vcpu[i], audit_context, &a);
	out_heading(o);
	out_begin(o);
	out_dec(o, "tables", 8, a.tables);
	out_dec(o, "entries", 8, a.entries);
	out_dec(o, "errors", 8, a.errors);
	out_end(o);
	out_heading(o);
	for (u32 i = 0; i < MIN(a.errors, (u32)MMU_AUDIT_KEEP); i++)
		show_error(o, &a.err[i]);
}

SHELL_CMD(cmd_mmu_audit, "mmu", "audit", "VM",
	  "Checks all invariants of a machine's MMU while it runs", "mmu audit linux", run_audit,
	  target_complete_vm);
SHELL_CMD(cmd_mmu_slots, "mmu", "slots", "VM", "Lists what a machine's physical memory is made of",
	  "mmu slots linux", run_slots, target_complete_vm);
SHELL_CMD(cmd_mmu_stat, "mmu", "stat", "VM [--reset]",
	  "Shows what a machine's MMU has counted, in all and since the last --reset",
	  "mmu stat linux", run_stat, complete_stat);
