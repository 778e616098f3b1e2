/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmu page, gfn, unsync and zap: single tables and frames under shadow paging. A page is copied
 * under the MMU's lock and printed without it, so each row is true for the moment of its copy.
 */

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "arch/thread.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/sp.h"
#include "shell/mmu_of.h"
#include "shell/mmu_text.h"
#include "shell/shadow.h"
#include "vm/target.h"
#include "vm/vm.h"

/* One user: commands run on one thread. The second is for ways up to the root. */
static struct mmu_page_view view, above;

static void gva_text(struct mmu_vm *m, spx_t x, u32 idx, char buf[24])
{
	u64 gva;

	if (mmu_page_view(m, x, &above) && shadow_gva(m, x, idx, &above, &gva))
		snprintf(buf, 24, "0x%lx", gva);
	else
		snprintf(buf, 24, "-");
}

static const char *state_words(const struct mmu_vm *m, const struct sp *sp)
{
	return sp_obsolete(m, sp) ? "obsolete" : sp->flags & SP_UNSYNC ? "unsync" : "sync";
}

/* --- page ------------------------------------------------------------------------------------- */

/* One page, without its entries. */
static void show_head(struct out *o, struct mmu_vm *m, spx_t x)
{
	char role[96], gva[24];

	gva_text(m, x, 0, gva);
	role_text(view.sp.role, role, sizeof(role));
	out_begin(o);
	out_dec(o, "page", 6, x);
	out_hex(o, "hpa", -14, sp_hpa(x).v);
	out_str(o, "state", -8, state_words(m, &view.sp));
	out_dec(o, "level", 5, view.sp.role.level);
	out_hex(o, view.sp.role.direct ? "maps_gpa" : "table_gpa", -14, gfn_to_gpa(view.sp.gfn).v);
	out_str(o, "gva", -18, gva);
	out_dec(o, "entries", 7, view.sp.nr_present);
	out_dec(o, "unsync_below", 12, view.sp.nr_unsync);
	out_dec(o, "parents", 7, view.nr_parents);
	out_dec(o, "roots", 5, view.sp.root_refs);
	out_str(o, "role", -1, role);
	out_end(o);
}

static void show_parents(struct out *o)
{
	u32 nr = MIN(view.nr_parents, (u32)MMU_VIEW_IDS);

	out_heading(o);
	for (u32 i = 0; i < nr; i++) {
		spx_t up = spte_id_page(view.parent[i]);
		u32 idx = spte_id_index(view.parent[i]);

		out_begin(o);
		out_dec(o, "parent", 6, up);
		out_dec(o, "index", 5, idx);
		out_hex(o, "entry_hpa", -14, sp_hpa(up).v + idx * sizeof(u64));
		out_end(o);
	}
	if (view.nr_parents > nr)
		out_text(o, "and %u more parents", view.nr_parents - nr);
}

/* Where the entry leads to in the guest's terms: a table of its own, or a frame. */
static void show_entry(struct out *o, u32 idx)
{
	u64 e = view.entry[idx], src = view.source[idx];
	bool table = sspte_is_table(e);
	bool unsync = table && view.sp.unsync_map[idx / 64] >> (idx % 64) & 1;
	char means[WORDS_MAX], guest[WORDS_MAX];

	out_begin(o);
	out_dec(o, "index", 5, idx);
	out_hex(o, "entry", -18, e);
	out_str(o, "means", -18, sspte_words(e, means));
	out_hex(o, "hpa", -14, sspte_hpa(e).v);
	out_dec(o, "page", 6, table ? sp_of_hpa(sspte_hpa(e)) : 0);
	out_bool(o, "unsync", -6, unsync);
	out_hex(o, "source_gpa", -14,
		view.sp.role.direct ? gfn_to_gpa(sp_leaf_gfn(&view.sp, idx)).v
				    : gfn_to_gpa(src_gfn(src)).v);
	out_str(o, "source", -1, view.sp.role.direct ? "-" : source_words(src, guest));
	out_end(o);
}

static void show_entries(struct out *o, const struct page_args *a)
{
	u64 shown = 0, idx = a->from;

	out_heading(o);
	for (; idx < MMU_ENTRIES && shown < a->lines; idx++)
		if (view.entry[idx]) {
			show_entry(o, (u32)idx);
			shown++;
		}
	while (idx < MMU_ENTRIES && !view.entry[idx])
		idx++;
	if (idx < MMU_ENTRIES)
		out_text(o, "more entries follow: from=%lu", idx);
}

/* The number of a pool page, or an address in it. */
static spx_t parse_page(const char *word)
{
	u64 n;

	if (cmd_parse_u64(word, &n) != 0)
		return 0;
	return n <= mmu_pool.nr ? (spx_t)n : sp_of_hpa(HPA(n));
}

/* Arguments from argv[i] on, all of them from= and lines=. */
static bool parse_rest(struct out *o, int argc, char **argv, int i, struct page_args *a)
{
	bool bad = false;

	for (; i < argc && !bad; i++)
		if (!page_arg(o, argv[i], a, &bad)) {
			out_error(o, "unknown argument %s; there are from=N and lines=N", argv[i]);
			bad = true;
		}
	return !bad;
}

static void run_page(struct out *o, int argc, char **argv)
{
	struct page_args a = { .lines = SHADOW_LINES };
	struct vm *vm = shadow_vm(o, argv[0]);
	spx_t x = parse_page(argv[1]);

	if (!vm || !parse_rest(o, argc, argv, 2, &a))
		return;
	if (!mmu_page_view(mmu_of(vm), x, &view)) {
		out_error(
			o,
			"%s is no shadow page of %s: a number or an hpa from mmu tree, roots, gfn "
			"or unsync; it may be gone by now",
			argv[1], vm->cfg.name);
		return;
	}
	out_heading(o);
	show_head(o, mmu_of(vm), x);
	show_parents(o);
	show_entries(o, &a);
}

/* --- gfn -------------------------------------------------------------------------------------- */

static void show_frame(struct out *o, struct mmu_vm *m, gfn_t gfn, u64 shadows, u64 leaves)
{
	static const char *const kinds[] = {
		[SLOT_NONE] = "hole", [SLOT_RAM] = "ram", [SLOT_ROM] = "rom", [SLOT_MMIO] = "mmio"
	};
	const struct slot *s = mmu_slot_find(m, gfn);
	bool memory = s && (s->kind == SLOT_RAM || s->kind == SLOT_ROM);

	out_heading(o);
	out_begin(o);
	out_hex(o, "gfn", -12, gfn.v);
	out_hex(o, "gpa", -14, gfn_to_gpa(gfn).v);
	out_str(o, "slot", -4, kinds[s ? s->kind : SLOT_NONE]);
	out_hex(o, "hpa", -14, memory ? (s->hfn.v + gfn.v - s->gfn.v) << PAGE_SHIFT : 0);
	out_bool(o, "dirty_log", 9, s && s->dirty_log);
	out_str(o, "tracked", -7, rights_text(mmu_tracked(m, gfn)));
	out_dec(o, "shadows", 7, shadows);
	out_dec(o, "leaves", 6, leaves);
	out_end(o);
}

static void show_leaf(struct out *o, struct mmu_vm *m, spteid_t id, u32 level)
{
	spx_t x = spte_id_page(id);
	u32 idx = spte_id_index(id);
	char gva[24], means[WORDS_MAX];

	/* It may have gone since the list was copied. */
	if (!mmu_page_view(m, x, &view) || !sspte_is_leaf(view.entry[idx]))
		return;
	gva_text(m, x, idx, gva);
	out_begin(o);
	out_dec(o, "level", 5, level);
	out_dec(o, "page", 6, x);
	out_dec(o, "index", 5, idx);
	out_str(o, "gva", -18, gva);
	out_hex(o, "entry", -18, view.entry[idx]);
	out_str(o, "means", -18, sspte_words(view.entry[idx], means));
	out_str(o, "state", -1, state_words(m, &view.sp));
	out_end(o);
}

/* The reverse map of a frame, and the tables made from what is in it. */
static void show_users(struct out *o, struct mmu_vm *m, gfn_t gfn)
{
	static spteid_t leaf[RMAP_LEVELS + 1][MMU_VIEW_IDS];
	static spx_t x[MMU_VIEW_IDS];
	u32 nr[RMAP_LEVELS + 1], shadows = mmu_shadows_of(m, gfn, x), leaves = 0;

	for (u32 l = 1; l <= RMAP_LEVELS; l++) {
		nr[l] = mmu_leaves_of(m, gfn, l, leaf[l]);
		leaves += nr[l];
	}
	show_frame(o, m, gfn, shadows, leaves);
	out_heading(o);
	for (u32 i = 0; i < MIN(shadows, (u32)MMU_VIEW_IDS); i++)
		if (mmu_page_view(m, x[i], &view))
			show_head(o, m, x[i]);
	out_heading(o);
	for (u32 l = 1; l <= RMAP_LEVELS; l++) {
		for (u32 i = 0; i < MIN(nr[l], (u32)MMU_VIEW_IDS); i++)
			show_leaf(o, m, leaf[l][i], l);
		if (nr[l] > MMU_VIEW_IDS)
			out_text(o, "and %u more of level %u", nr[l] - MMU_VIEW_IDS, l);
	}
}

static bool parse_gfn(struct out *o, const char *word, gfn_t *gfn)
{
	if (cmd_parse_u64(word, &gfn->v) == 0 && gfn->v < BIT(52 - PAGE_SHIFT))
		return true;
	out_error(o, "%s is no guest frame number: gpa 0xb8000 is in frame 0xb8", word);
	return false;
}

static void run_gfn(struct out *o, int argc, char **argv)
{
	struct vm *vm = shadow_vm(o, argv[0]);
	gfn_t gfn;

	(void)argc;
	if (vm && parse_gfn(o, argv[1], &gfn))
		show_users(o, mmu_of(vm), gfn);
}

/* --- unsync ----------------------------------------------------------------------------------- */

static void run_unsync(struct out *o, int argc, char **argv)
{
	struct page_args a = { .from = 1, .lines = SHADOW_LINES };
	struct vm *vm = shadow_vm(o, argv[0]);
	u64 shown = 0, x;

	if (!vm || !parse_rest(o, argc, argv, 1, &a))
		return;
	out_heading(o);
	for (x = a.from; x <= mmu_pool.nr && shown < a.lines; x++) {
		if (x % 64 == 0)
			thread_yield();
		if (!mmu_page_view(mmu_of(vm), (spx_t)x, &view) || !(view.sp.flags & SP_UNSYNC))
			continue;
		show_head(o, mmu_of(vm), (spx_t)x);
		shown++;
	}
	if (shown == 0)
		out_text(o, "no shadow page of %s is out of sync", vm->cfg.name);
	else if (x <= mmu_pool.nr)
		out_text(o, "more may follow: from=%lu", x);
}

/* --- zap -------------------------------------------------------------------------------------- */

static void zap_all(struct out *o, struct vm *vm)
{
	u64 before = mmu_of(vm)->shadow.nr_live;

	mmu_shadow_zap_all(mmu_of(vm));
	out_text(o,
		 "%lu shadow pages of %s are obsolete; the guest fills new ones as it needs them",
		 before, vm->cfg.name);
}

static void zap_gfn(struct out *o, struct vm *vm, gfn_t gfn)
{
	static spx_t x[MMU_VIEW_IDS];
	struct mmu_vm *m = mmu_of(vm);
	u32 before = mmu_shadows_of(m, gfn, x), after;

	mmu_unshadow(m, gfn);
	after = mmu_shadows_of(m, gfn, x);
	if (before == 0)
		out_text(o, "nothing shadows frame 0x%lx", gfn.v);
	else if (after == 0)
		out_text(o, "%u shadow pages of frame 0x%lx are gone", before, gfn.v);
	else
		out_text(o,
			 "%u shadow pages of frame 0x%lx stay: a current root points to them, or "
			 "they were made again",
			 after, gfn.v);
}

static void run_zap(struct out *o, int argc, char **argv)
{
	struct vm *vm = shadow_vm(o, argv[0]);
	gfn_t gfn;

	(void)argc;
	if (!vm)
		return;
	if (strcmp(argv[1], "all") == 0)
		zap_all(o, vm);
	else if (parse_gfn(o, argv[1], &gfn))
		zap_gfn(o, vm, gfn);
}

/* --- completion ------------------------------------------------------------------------------- */

static void complete_page(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	target_complete_vm(idx, add, arg);
	if (idx > 0) {
		add(arg, "from=");
		add(arg, "lines=");
	}
}

static void complete_zap(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	target_complete_vm(idx, add, arg);
	if (idx == 1)
		add(arg, "all");
}

SHELL_CMD(
	cmd_mmu_page, "mmu", "page", "VM PAGE [from=N] [lines=N]",
	"Shows a shadow page (number or hpa): header, parents, entries with what the guest's said",
	"mmu page linux 20", run_page, complete_page);
SHELL_CMD(cmd_mmu_gfn, "mmu", "gfn", "VM GFN",
	  "Shows all that maps or shadows a guest frame of a shadow-paged machine",
	  "mmu gfn linux 0x1000", run_gfn, target_complete_vm);
SHELL_CMD(cmd_mmu_unsync, "mmu", "unsync", "VM [from=N] [lines=N]",
	  "Lists the shadow pages whose guest table may be written without notice",
	  "mmu unsync linux", run_unsync, complete_page);
SHELL_CMD(cmd_mmu_zap, "mmu", "zap", "VM GFN|all",
	  "Drops the shadow of one guest table, or all of a machine's; the guest does not notice",
	  "mmu zap linux all", run_zap, complete_zap);
