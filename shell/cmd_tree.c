/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmu tree: what hardware walks, one line for each run of equal entries. The direct map translates
 * guest-physical addresses (nested paging), a shadow root linear ones. No lock is held between two
 * steps, so each shows the tables as they are then.
 */

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "arch/thread.h"
#include "mmu/mmu.h"
#include "mmu/shadow/sspte.h"
#include "mmu/spte.h"
#include "shell/mmu_iter.h"
#include "shell/mmu_of.h"
#include "shell/mmu_text.h"
#include "shell/shadow.h"
#include "vm/target.h"
#include "vm/vm.h"

#define YIELD_STEPS 256

/* --- steps ------------------------------------------------------------------------------------ */

/* An entry that is not empty. */
struct step {
	u64 page; /* first one that it covers: of guest-physical or linear addresses */
	u64 entry;
	u32 level;
	hpa_t table, child; /* that it is in, and that it points to; 0 = none */
};

struct walk {
	struct mmu_vm *m;
	bool shadow;
	struct mmu_iter direct;
	hpa_t root; /* shadow */
	u32 levels;
	u64 page, end;
	u32 lowest; /* level at which to look at page next */
};

static bool next_direct(struct walk *w, struct step *s)
{
	struct mmu_iter *it = &w->direct;

	if (!mmu_iter_next(it))
		return false;
	*s = (struct step){
		.page = it->gfn.v,
		.entry = it->spte,
		.level = it->level,
		.table = it->table,
		.child = spte_is_table(it->spte) ? spte_hpa(it->spte) : HPA(0),
	};
	return true;
}

/* The highest level at which an entry begins with this page: those above have been seen. */
static u32 first_level(const struct walk *w)
{
	u32 level = 1;

	while (level < w->levels && level_index(GFN(w->page), level) == 0)
		level++;
	return level;
}

/* One way down from the root, which may be gone by now. True: an entry was found. */
static bool look_shadow(struct walk *w, struct step *s)
{
	u64 gva = w->page << PAGE_SHIFT, e;
	struct mmu_path p;
	bool table;

	if (!mmu_shadow_path(w->m, w->root, GVA(gva), w->lowest, &p)) {
		w->page = w->end;
		return false;
	}
	e = p.entry[p.level];
	/* A PDPTE of PAE has no room for the mark of tables. */
	table = sspte_is_table(e) || (e && w->levels == 3 && p.level == 3);
	*s = (struct step){
		.page = level_first(GFN(w->page), p.level).v,
		.entry = e,
		.level = p.level,
		.table = HPA(p.at[p.level].v - level_index(GFN(w->page), p.level) * sizeof(u64)),
		.child = table ? sspte_hpa(e) : HPA(0),
	};
	if (table) {
		w->lowest = p.level - 1u;
	} else {
		w->page = level_next(GFN(w->page), p.level).v;
		w->lowest = first_level(w);
	}
	return e != 0;
}

static bool next(struct walk *w, struct step *s)
{
	if (!w->shadow)
		return next_direct(w, s);
	while (w->page < w->end)
		if (look_shadow(w, s))
			return true;
	return false;
}

/* --- showing ---------------------------------------------------------------------------------- */

/* Pages that the tables treat alike. */
struct run {
	struct step first;
	u64 nr;
};

struct tree {
	struct out *o;
	struct walk walk;
	bool dot;
	u64 nr, most; /* runs shown */
	struct run run;
};

static const char *size_name(u32 level)
{
	static const char *const names[] = { "-", "4K", "2M", "1G", "512G", "256T" };

	return names[level];
}

static bool is_leaf(const struct walk *w, u64 e)
{
	return w->shadow ? sspte_is_leaf(e) : spte_is_leaf(e);
}

static u64 address(const struct walk *w, u64 page)
{
	u64 a = page << PAGE_SHIFT;

	return w->shadow ? shadow_canonical(a, w->levels) : a;
}

/* Of memory that a leaf maps; ~0 = of none. */
static u64 gpa_of(const struct mmu_vm *m, hpa_t hpa)
{
	hfn_t hfn = hpa_to_hfn(hpa);
	const struct slot *s;

	for (u32 i = 0; (s = mmu_slot_nth(m, i)); i++)
		if ((s->kind == SLOT_RAM || s->kind == SLOT_ROM) && hfn.v - s->hfn.v < s->nr)
			return (s->gfn.v + hfn.v - s->hfn.v) << PAGE_SHIFT;
	return ~0ULL;
}

static void draw_run(const struct tree *t, const char *means, u64 from, u64 to, u64 hpa)
{
	const struct step *s = &t->run.first;

	out_text(t->o,
		 "\tr%lu [shape=box, label=\"0x%lx-0x%lx\\n%s %s\\nhpa 0x%lx\"];\n"
		 "\tt%lx -> r%lu;\n",
		 t->nr, from, to, means, size_name(s->level), hpa, s->table.v, t->nr);
}

static void show_run(struct tree *t)
{
	const struct step *s = &t->run.first;
	const struct walk *w = &t->walk;
	u64 from = address(w, s->page), to = from + (t->run.nr << PAGE_SHIFT);
	/* Entries of both kinds have their address at the same place. */
	u64 hpa = is_leaf(w, s->entry) ? sspte_hpa(s->entry).v : 0;
	char means[WORDS_MAX];

	if (t->run.nr == 0)
		return;
	if (w->shadow)
		sspte_words(s->entry, means);
	else
		spte_text(s->entry, means, sizeof(means));
	t->nr++;
	t->run.nr = 0;
	if (t->dot) {
		draw_run(t, means, from, to, hpa);
		return;
	}
	out_begin(t->o);
	out_hex(t->o, w->shadow ? "gva" : "gpa", -18, from);
	out_hex(t->o, "end", -18, to);
	out_str(t->o, "entries", -7, size_name(s->level));
	out_hex(t->o, "hpa", -14, hpa);
	if (w->shadow)
		out_hex(t->o, "gpa", -14, gpa_of(w->m, HPA(hpa)));
	out_str(t->o, "means", -1, means);
	out_end(t->o);
}

/* The entry goes on with the run. */
static bool continues(const struct tree *t, const struct step *s)
{
	const struct run *r = &t->run;
	u64 expected = r->first.entry;

	if (r->nr == 0 || r->first.level != s->level || r->first.page + r->nr != s->page)
		return false;
	if (is_leaf(&t->walk, s->entry))
		expected += r->nr << PAGE_SHIFT;
	return s->entry == expected;
}

static void draw_table(struct tree *t, hpa_t table, u32 level)
{
	out_text(t->o, "\tt%lx [label=\"L%u 0x%lx\"];", table.v, level, table.v);
}

/* A table becomes a node, with an edge from the table above. */
static void draw_link(struct tree *t, const struct step *s)
{
	draw_table(t, s->child, s->level - 1u);
	out_text(t->o, "\tt%lx -> t%lx [label=\"%u\"];", s->table.v, s->child.v,
		 level_index(GFN(s->page), s->level));
}

/* Returns whether there is more. */
static bool show_all(struct tree *t)
{
	struct step s;
	u32 steps = 0;

	while (next(&t->walk, &s)) {
		if (++steps % YIELD_STEPS == 0)
			thread_yield();
		if (s.child.v) {
			if (t->dot)
				draw_link(t, &s);
		} else if (continues(t, &s)) {
			t->run.nr += level_frames(s.level);
		} else {
			show_run(t);
			if (t->nr >= t->most) {
				t->run.first = s;
				return true;
			}
			t->run = (struct run){ s, level_frames(s.level) };
		}
	}
	show_run(t);
	return false;
}

/* --- command ---------------------------------------------------------------------------------- */

struct args {
	const char *root; /* NULL: the one in use */
	bool dot;
	struct page_args page;
};

static bool parse(struct out *o, int argc, char **argv, struct args *a)
{
	bool bad = false;

	for (int i = 1; i < argc && !bad; i++) {
		if (strcmp(argv[i], "--dot") == 0) {
			a->dot = true;
		} else if (strncmp(argv[i], "--", 2) == 0) {
			out_error(o, "unknown option %s; there is only --dot", argv[i]);
			return false;
		} else if (!page_arg(o, argv[i], &a->page, &bad)) {
			if (a->root) {
				out_error(o, "%s and %s: one root at a time", a->root, argv[i]);
				return false;
			}
			a->root = argv[i];
		}
	}
	return !bad;
}

static bool begin_direct(struct walk *w, const struct args *a)
{
	w->levels = w->m->root.level;
	mmu_iter_init(&w->direct, w->m, GFN(a->page.from >> PAGE_SHIFT), GFN(~0ULL));
	return true;
}

static bool begin_shadow(struct out *o, struct vcpu *v, struct walk *w, const struct args *a)
{
	static struct mmu_ctx_view view;
	struct mmu_path p;
	u64 pages;

	if (a->root) {
		if (cmd_parse_u64(a->root, &w->root.v) != 0) {
			out_error(o, "%s is no root: direct, or an hpa that mmu roots shows",
				  a->root);
			return false;
		}
	} else {
		shadow_view(v, &view);
		w->root = view.root[0].hw;
	}
	if (!mmu_shadow_path(w->m, w->root, GVA(0), MMU_MAX_LEVEL, &p)) {
		out_error(
			o,
			a->root ? "no root of %s is at hpa %s; mmu roots shows them"
				: "%s has no current root now; try again, or name one of mmu roots",
			v->vm->cfg.name, a->root);
		return false;
	}
	w->shadow = true;
	w->levels = p.top;
	w->lowest = p.top;
	pages = 1ULL << (p.top == 3 ? 2 + 2 * MMU_LEVEL_BITS : p.top * MMU_LEVEL_BITS);
	w->page = (a->page.from >> PAGE_SHIFT) & (pages - 1);
	w->end = pages;
	return true;
}

static void show_tree(struct tree *t, const char *name)
{
	bool more;

	if (t->dot) {
		out_text(t->o, "digraph \"%s\" {", name);
		draw_table(t, t->walk.shadow ? t->walk.root : mmu_root_hpa(t->walk.m),
			   t->walk.levels);
	} else {
		out_heading(t->o);
	}
	more = show_all(t);
	if (t->dot)
		out_text(t->o, "}");
	else if (more)
		out_text(t->o, "more follows: from=0x%lx", address(&t->walk, t->run.first.page));
	else if (t->nr == 0)
		out_text(t->o, "nothing is mapped there yet");
}

static void run_tree(struct out *o, int argc, char **argv)
{
	struct vcpu *v = target_vcpu(o, argv[0]);
	struct args a = { .page.lines = 0 };
	struct tree t = { .o = o };
	bool shadow;

	if (!v || !parse(o, argc, argv, &a))
		return;
	t.walk.m = mmu_of(v->vm);
	t.dot = a.dot;
	shadow = t.walk.m->shadow.on;
	if (!shadow && a.root && strcmp(a.root, "direct") != 0) {
		out_error(o, "%s has its nested tables only, without a name or as direct",
			  v->vm->cfg.name);
		return;
	}
	shadow = shadow && !(a.root && strcmp(a.root, "direct") == 0);
	t.most = a.page.lines ? a.page.lines : shadow ? SHADOW_LINES : ~0ULL;
	if (shadow ? begin_shadow(o, v, &t.walk, &a) : begin_direct(&t.walk, &a))
		show_tree(&t, v->vm->cfg.name);
}

static void complete(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	target_complete_vcpu(idx, add, arg);
	if (idx == 0)
		return;
	add(arg, "direct");
	add(arg, "from=");
	add(arg, "lines=");
	add(arg, "--dot");
}

SHELL_CMD(cmd_mmu_tree, "mmu", "tree", "VM[.N] [ROOT|direct] [from=ADDRESS] [lines=N] [--dot]",
	  "Shows what hardware walks, the nested tables or a shadow root, a line for equal entries",
	  "mmu tree linux", run_tree, complete);
