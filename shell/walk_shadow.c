/* SPDX-License-Identifier: BSD-2-Clause */
#include "shell/walk_shadow.h"

#include <stdio.h>

#include "mmu/mmu.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/sspte.h"
#include "shell/mmu_text.h"
#include "shell/mmu_view.h"

/* An entry, or none at this level. */
static void show_side(struct out *o, const char *const key[3], const u64 *at, u64 entry,
		      const char *means)
{
	if (at) {
		out_hex(o, key[0], -14, *at);
		out_hex(o, key[1], -18, entry);
	} else {
		out_str(o, key[0], -14, "-");
		out_str(o, key[1], -18, "-");
	}
	out_str(o, key[2], -18, at ? means : "-");
}

static void show_level(struct out *o, const struct mmu_walk *w, const struct mmu_path *p, u32 l)
{
	static const char *const guest[] = { "guest_gpa", "guest_entry", "guest_means" };
	static const char *const shadow[] = { "shadow_hpa", "shadow_entry", "shadow_means" };
	bool g = l <= w->top && l >= w->level, s = l <= p->top && l >= p->level;
	char words[WORDS_MAX];

	out_begin(o);
	out_dec(o, "level", 5, l);
	show_side(o, guest, g ? &w->gpte_gpa[l].v : NULL, w->gpte[l],
		  gpte_words(w->gpte[l], l, words));
	show_side(o, shadow, s ? &p->at[l].v : NULL, p->entry[l], sspte_words(p->entry[l], words));
	out_end(o);
}

void walk_shadow(struct out *o, struct mmu_vm *m, hpa_t root, gva_t gva, const struct mmu_walk *w,
		 struct mmu_path *p)
{
	if (!mmu_shadow_path(m, root, gva, 1, p))
		*p = (struct mmu_path){ .top = 0 };
	for (u32 l = MAX(w->top, p->top); l > 0; l--)
		if ((l <= w->top && l >= w->level) || (l <= p->top && l >= p->level))
			show_level(o, w, p, l);
}

/* Rights that hardware asks the leaf for. */
static bool leaf_allows(u64 e, u32 access)
{
	return sspte_is_leaf(e) && !((access & MMU_W) && !(e & GPTE_W)) &&
	       !((access & MMU_U) && !(e & GPTE_U)) && !((access & MMU_X) && (e & GPTE_NX));
}

static void say(struct verdict *v, const char *word, const char *reason)
{
	v->word = word;
	v->reason = reason;
}

/* Follows mmu/shadow/page_fault.c. */
void walk_shadow_judge(struct mmu_vm *m, const struct mmu_path *p, u32 access, struct verdict *v)
{
	u64 e = p->entry[p->level], inside = (level_frames(MAX(p->level, 1)) << PAGE_SHIFT) - 1;
	gfn_t gfn = gpa_to_gfn(GPA(v->gpa));
	const struct slot *s = mmu_slot_find(m, gfn);

	if (!s)
		return say(v, "hole", "no slot here: reads ones");
	if (s->kind == SLOT_MMIO)
		return say(v, "mmio", "MMIO slot");
	if (p->top && leaf_allows(e, access)) {
		v->hpa = sspte_hpa(e).v | (v->gva & inside);
		return say(v, "allow", "the shadow leaf allows it");
	}
	if (mmu_tracked(m, gfn) & (access | MMU_R))
		return say(v, "tracked", "access to a tracked frame");
	if ((access & MMU_W) && s->kind == SLOT_ROM)
		return say(v, "emulate", "write to ROM");
	if ((access & MMU_W) && mmu_is_shadowed(m, gfn))
		return say(v, "fault",
			   "write to a guest table: a leaf table goes unsync, others are emulated");
	if (!p->top)
		return say(v, "fault", "no root: the next entry builds it");
	if (!sspte_is_leaf(e))
		return say(v, "fault", "no shadow leaf yet: the first access fills it");
	say(v, "fault", "the shadow leaf gets this right with the first such access");
}
