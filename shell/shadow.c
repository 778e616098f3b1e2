/* SPDX-License-Identifier: BSD-2-Clause */
#include "shell/shadow.h"

#include <string.h>

#include "lib/cmd.h"

#include "shell/mmu_of.h"
#include "vm/target.h"
#include "vm/vm.h"

/* --- machines --------------------------------------------------------------------------------- */

static bool is_shadow(struct out *o, struct vm *vm)
{
	if (mmu_of(vm)->shadow.on)
		return true;
	out_error(o, "%s does not run under shadow paging (paging = shadow)", vm->cfg.name);
	return false;
}

struct vm *shadow_vm(struct out *o, const char *name)
{
	struct vm *vm = target_vm(o, name);

	return vm && is_shadow(o, vm) ? vm : NULL;
}

struct vcpu *shadow_vcpu(struct out *o, const char *name)
{
	struct vcpu *v = target_vcpu(o, name);

	return v && is_shadow(o, v->vm) ? v : NULL;
}

static void view_context(struct vcpu *v, void *arg)
{
	mmu_ctx_view(mmu_ctx_of(v), arg);
}

void shadow_view(struct vcpu *v, struct mmu_ctx_view *view)
{
	vcpu_call(v, view_context, view);
}

/* --- linear addresses ------------------------------------------------------------------------- */

u64 shadow_canonical(u64 gva, u32 levels)
{
	u32 unused = levels > 3 ? 64 - PAGE_SHIFT - MMU_LEVEL_BITS * levels : 0;

	return (u64)((s64)(gva << unused) >> unused);
}

/* The table's part of the address when root r points to it. */
static u64 from_root(const struct shadow_root *r, spx_t x, u64 gva)
{
	for (u64 i = 0; r->kind == SRK_PAE32 && i < ARRAY_SIZE(r->child); i++)
		if (r->child[i] == x)
			return gva | i << (PAGE_SHIFT + 2 * MMU_LEVEL_BITS);
	return shadow_canonical(gva, r->level);
}

/* The root in the view points to the page as the highest table with entries of its own. */
static bool is_top(const struct mmu_page_view *view)
{
	const struct shadow_root *r = &view->root;

	return r->kind != SRK_NONE &&
	       view->sp.role.level == (r->kind == SRK_PAE32 ? r->level - 1u : r->level);
}

bool shadow_gva(struct mmu_vm *m, spx_t x, u32 idx, struct mmu_page_view *view, u64 *gva)
{
	*gva = 0;
	/* A table on the way to itself would never end: as many steps as there are levels. */
	for (u32 i = 0; i <= MMU_MAX_LEVEL; i++) {
		u32 level = view->sp.role.level;

		*gva |= (u64)idx << (PAGE_SHIFT + MMU_LEVEL_BITS * (level - 1));
		if (is_top(view)) {
			*gva = from_root(&view->root, x, *gva);
			return true;
		}
		if (view->nr_parents == 0)
			return false;
		x = spte_id_page(view->parent[0]);
		idx = spte_id_index(view->parent[0]);
		if (!mmu_page_view(m, x, view) || view->sp.role.level <= level)
			return false;
	}
	return false;
}

/* --- arguments -------------------------------------------------------------------------------- */

bool page_arg(struct out *o, const char *word, struct page_args *a, bool *bad)
{
	const char *value = strchr(word, '=');
	size_t n = value ? (size_t)(value - word) : 0;
	u64 *to;

	if (n == 4 && strncmp(word, "from", n) == 0)
		to = &a->from;
	else if (n == 5 && strncmp(word, "lines", n) == 0)
		to = &a->lines;
	else
		return false;
	if (cmd_parse_u64(value + 1, to) != 0) {
		out_error(o, "%s is not a number in %s", value + 1, word);
		*bad = true;
	}
	return true;
}
