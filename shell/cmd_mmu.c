/* SPDX-License-Identifier: BSD-2-Clause */
/* mmu slots, stat and tree: what guest-physical memory is, and how the tables map it. */

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "arch/thread.h"
#include "mmu/audit.h"
#include "mmu/mmu.h"
#include "mmu/spte.h"
#include "shell/mmu_iter.h"
#include "shell/mmu_text.h"
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
	for (u32 i = 0; vm && (s = mmu_slot_nth(&vm->mmu, i)); i++) {
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

static void counter(struct out *o, const char *name, u64 count, const char *help)
{
	out_begin(o);
	out_str(o, "counter", -14, name);
	out_dec(o, "count", 12, count);
	out_str(o, "what", -1, help);
	out_end(o);
}

static void run_stat(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);

	(void)argc;
	if (!vm)
		return;
	out_heading(o);
	counter(o, "pages", vm->mmu.used, "table pages held");
	counter(o, "quota", vm->mmu.quota, "table pages that may be held");
	for (u32 i = 0; i < MMU_STAT_NR; i++)
		counter(o, mmu_stat_name((enum mmu_stat_id)i),
			mmu_stat_get(&vm->mmu, (enum mmu_stat_id)i),
			mmu_stat_help((enum mmu_stat_id)i));
}

/* --- tree ------------------------------------------------------------------------------------ */

#define YIELD_STEPS 256

/* Frames that the tables treat alike. */
struct run {
	gfn_t gfn;
	u64 nr;
	u64 entry; /* of the first frame */
	u32 level;
	hpa_t table; /* that holds the first entry */
};

struct tree {
	struct out *o;
	bool dot;
	u32 nr; /* runs shown */
	struct run run;
};

static const char *size_name(u32 level)
{
	static const char *const names[] = { "-", "4K", "2M", "1G", "512G", "256T" };

	return names[level];
}

static void show_run(struct tree *t)
{
	const struct run *r = &t->run;
	u64 gpa = gfn_to_gpa(r->gfn).v, bytes = r->nr << PAGE_SHIFT;
	u64 hpa = spte_is_leaf(r->entry) ? spte_hpa(r->entry).v : 0;
	char means[48];

	if (r->nr == 0)
		return;
	spte_text(r->entry, means, sizeof(means));
	t->nr++;
	if (t->dot) {
		out_text(t->o,
			 "\tr%u [shape=box, label=\"0x%lx-0x%lx\\n%s %s\\nhpa 0x%lx\"];\n"
			 "\tt%lx -> r%u;\n",
			 t->nr, gpa, gpa + bytes, means, size_name(r->level), hpa, r->table.v,
			 t->nr);
		return;
	}
	out_begin(t->o);
	out_hex(t->o, "gpa", -16, gpa);
	out_hex(t->o, "end", -16, gpa + bytes);
	out_str(t->o, "entries", -7, size_name(r->level));
	out_hex(t->o, "hpa", -16, hpa);
	out_str(t->o, "means", -1, means);
	out_end(t->o);
}

/* The entry goes on with the run. */
static bool continues(const struct run *r, const struct mmu_iter *it)
{
	u64 expected = r->entry;

	if (r->level != it->level || r->gfn.v + r->nr != it->gfn.v)
		return false;
	if (spte_is_leaf(it->spte))
		expected += r->nr << PAGE_SHIFT;
	return it->spte == expected;
}

static void show_table(struct tree *t, hpa_t table, u32 level)
{
	out_text(t->o, "\tt%lx [label=\"L%u 0x%lx\"];", table.v, level, table.v);
}

/* A table becomes a node, with an edge from the table above. */
static void show_link(struct tree *t, const struct mmu_iter *it)
{
	hpa_t table = spte_hpa(it->spte);

	show_table(t, table, it->level - 1u);
	out_text(t->o, "\tt%lx -> t%lx [label=\"%u\"];", it->table.v, table.v,
		 level_index(it->gfn, it->level));
}

static void walk_tree(struct tree *t, const struct mmu_vm *m)
{
	struct mmu_iter it;
	u32 steps = 0;

	if (t->dot)
		show_table(t, mmu_root_hpa(m), m->root.level);
	mmu_iter_init(&it, m, GFN(0), GFN(~0ULL));
	while (mmu_iter_next(&it)) {
		u64 nr = level_frames(it.level);

		if (++steps % YIELD_STEPS == 0)
			thread_yield();
		if (spte_is_table(it.spte)) {
			if (t->dot)
				show_link(t, &it);
		} else if (continues(&t->run, &it)) {
			t->run.nr += nr;
		} else {
			show_run(t);
			t->run = (struct run){ it.gfn, nr, it.spte, it.level, it.table };
		}
	}
	show_run(t);
}

static void run_tree(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);
	struct tree t = { .o = o, .dot = argc > 1 };

	if (!vm)
		return;
	if (t.dot && strcmp(argv[1], "--dot") != 0) {
		out_error(o, "unknown option %s; there is only --dot", argv[1]);
		return;
	}
	if (t.dot)
		out_text(o, "digraph \"%s\" {", vm->cfg.name);
	else
		out_heading(o);
	walk_tree(&t, &vm->mmu);
	if (t.dot)
		out_text(o, "}");
	else if (t.nr == 0)
		out_text(o, "%s has no tables yet", vm->cfg.name);
}

/* --- audit ------------------------------------------------------------------------------------ */

#define AUDIT_TABLES 8 /* under one hold of the VM's lock */

static void run_audit(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);
	struct mmu_audit a;

	(void)argc;
	if (!vm)
		return;
	mmu_audit_begin(&a);
	while (!mmu_audit_step(&vm->mmu, &a, AUDIT_TABLES))
		thread_yield();
	out_heading(o);
	out_begin(o);
	out_dec(o, "tables", 8, a.tables);
	out_dec(o, "entries", 8, a.entries);
	out_dec(o, "errors", 8, a.errors);
	out_end(o);
	out_heading(o);
	for (u32 i = 0; i < MIN(a.errors, (u32)MMU_AUDIT_KEEP); i++) {
		out_begin(o);
		out_str(o, "rule", -4, a.err[i].inv);
		out_hex(o, "gpa", -16, gfn_to_gpa(a.err[i].gfn).v);
		out_dec(o, "level", 5, a.err[i].level);
		out_hex(o, "entry", -18, a.err[i].spte);
		out_str(o, "what", -1, a.err[i].text);
		out_end(o);
	}
}

SHELL_CMD(cmd_mmu_audit, "mmu", "audit", "VM",
	  "Checks all invariants of a machine's MMU while it runs", "mmu audit linux", run_audit,
	  target_complete_vm);
SHELL_CMD(cmd_mmu_slots, "mmu", "slots", "VM", "Lists what a machine's physical memory is made of",
	  "mmu slots linux", run_slots, target_complete_vm);
SHELL_CMD(cmd_mmu_stat, "mmu", "stat", "VM", "Shows what a machine's MMU has counted",
	  "mmu stat linux", run_stat, target_complete_vm);
SHELL_CMD(cmd_mmu_tree, "mmu", "tree", "VM [--dot]",
	  "Shows a machine's nested tables, one line for each run of equal entries",
	  "mmu tree linux", run_tree, target_complete_vm);
