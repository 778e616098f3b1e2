/* SPDX-License-Identifier: BSD-2-Clause */
/* mmu slots, stat and tree: what guest-physical memory is, and how the tables map it. */

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "arch/thread.h"
#include "mmu/mmu.h"
#include "mmu/path.h"
#include "mmu/spte.h"
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
	hpa_t table[MMU_MAX_LEVEL + 1]; /* of the path before, for the graph */
};

static hpa_t table_of(hpa_t entry)
{
	return HPA(ALIGN_DOWN(entry.v, PAGE_SIZE));
}

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

	if (r->nr == 0 || r->entry == 0)
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

/* The entry e, nr frames behind the start of the run, goes on with it. */
static bool continues(const struct run *r, u64 e, u32 level)
{
	u64 expected = r->entry;

	if (r->level != level)
		return false;
	if (spte_is_leaf(e))
		expected += r->nr << PAGE_SHIFT;
	return e == expected;
}

/* Tables that were not on the path before become nodes, with an edge from the table above. */
static void show_tables(struct tree *t, gfn_t gfn, const struct mmu_path *p)
{
	for (u32 l = p->top; l >= p->level && l > 0; l--) {
		hpa_t table = table_of(p->at[l]);

		if (t->table[l].v == table.v)
			continue;
		t->table[l] = table;
		out_text(t->o, "\tt%lx [label=\"L%u 0x%lx\"];", table.v, l, table.v);
		if (l < p->top)
			out_text(t->o, "\tt%lx -> t%lx [label=\"%u\"];", table_of(p->at[l + 1]).v,
				 table.v, level_index(gfn, l + 1));
	}
}

static void walk_tree(struct tree *t, const struct mmu_vm *m)
{
	struct mmu_path p;
	u32 steps = 0;
	gfn_t gfn = GFN(0);

	do {
		u64 nr;

		path_read(m, gfn, &p);
		if (p.top == 0)
			return;
		nr = level_frames(p.level);
		if (t->dot)
			show_tables(t, gfn, &p);
		if (continues(&t->run, p.entry[p.level], p.level)) {
			t->run.nr += nr;
		} else {
			show_run(t);
			t->run = (struct run){ gfn, nr, p.entry[p.level], p.level,
					       table_of(p.at[p.level]) };
		}
		gfn = level_next(gfn, p.level);
		if (++steps % YIELD_STEPS == 0)
			thread_yield();
	} while (gfn.v < level_frames(p.top + 1u));
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

SHELL_CMD(cmd_mmu_slots, "mmu", "slots", "VM", "Lists what a machine's physical memory is made of",
	  "mmu slots linux", run_slots, target_complete_vm);
SHELL_CMD(cmd_mmu_stat, "mmu", "stat", "VM", "Shows what a machine's MMU has counted",
	  "mmu stat linux", run_stat, target_complete_vm);
SHELL_CMD(cmd_mmu_tree, "mmu", "tree", "VM [--dot]",
	  "Shows a machine's nested tables, one line for each run of equal entries",
	  "mmu tree linux", run_tree, target_complete_vm);
