/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_tree: one CPU and many trees of tables, and tables in strange places.
 *
 * A table that maps itself, through which the guest reads and changes its own tables, also the one
 * that its write goes through. PDPTs of PAE: rewritten with and without a load of CR3 (without it
 * old or new may show: Intel's CPUs hold the four entries, AMD's and emulators need not), 128 of
 * them in one page. 32 address spaces in turn. A root that is freed and becomes data, another root,
 * a lower table. User mode and the kernel on roots of their own, as with page-table isolation.
 *
 * A hypervisor without nested paging knows tables by the frame they are in, so it must neither take
 * one for what it was, nor one in two places for the same.
 */

#include "tests/guests/paging/paging.h"

#include <string.h>

#define SPACES 32
#define REUSES 12 /* each fills a page that was a root, word by word */
#define PDPTS  128
#define VA     pg_va(3 * PAGE_SIZE)

static u64 marked(u32 mark)
{
	u64 f = pg_frame();

	*pg_word(f) = mark;
	return f;
}

/* --- a table that maps itself ----------------------------------------------------------------- */

/* The level of the table that maps itself: the root; with PAE, whose root cannot, that below. */
static u32 self_level(void)
{
	return pg->levels == 3 ? 2 : pg->levels;
}

/* Its entry for itself: far from the kernel's part and the scene's, and in the low half. */
static u32 self_index(void)
{
	return pg->levels == 3 ? 511 : pg->levels == 2 ? 1000 : 200;
}

/* Where the entry of the level that translates va can be reached through the table itself. */
static void *self_slot(va_t va, u32 level)
{
	u32 width = pg->entry_size == 4 ? 10 : 9, top = self_level();
	u64 index_mask = BIT(width) - 1, at_va = 0;

	if (pg->levels == 3)
		at_va = va & ~MASK(29, 0);
	for (u32 l = top; l > 0; l--) {
		/* the first `level` steps go round, the others are those of va from the top */
		u32 from = l + level;
		u64 index = l > top - level ? self_index()
					    : (u64)va >> (PAGE_SHIFT + width * (from - 1));

		at_va |= (index & index_mask) << (PAGE_SHIFT + width * (l - 1));
	}
	at_va |= ((u64)va >> (PAGE_SHIFT + width * (level - 1)) & index_mask) * pg->entry_size;
	return at(at_va);
}

static void self_map(void)
{
	u64 root = pg_space(), a = marked(0xa), b = marked(0xb), self;
	void *top_slot, *own;
	u32 wrong = 0;

	pg_map(root, VA, a, PTE_KERNEL, 1);
	top_slot = pg_slot(root, VA, self_level());
	self = ALIGN_DOWN((uintptr_t)top_slot, PAGE_SIZE);
	own = at(self + self_index() * pg->entry_size);
	pg_set(own, self | PTE_KERNEL);
	pg_load(root);
	for (u32 l = 1; l <= self_level(); l++)
		wrong += (pg_get(self_slot(VA, l)) & PG_ADDRESS) !=
			 (pg_get(pg_slot(root, VA, l)) & PG_ADDRESS);
	pg_check(!wrong, "reads_tables", "%u levels show something else", wrong);
	for (u32 i = 0; i < 50; i++) {
		pg_set(self_slot(VA, 1), (i & 1 ? b : a) | PTE_KERNEL);
		pg_flush(VA);
		wrong += pg_read(VA) != (i & 1 ? 0xbU : 0xaU);
	}
	pg_check(!wrong, "changes_a_leaf", "%u of 50 not seen", wrong);
	for (u32 i = 0; i < 20; i++) {
		u64 entry = pg_get(self_slot(VA, 2));

		pg_set(self_slot(VA, 2), entry & ~PTE_P);
		pg_load(root);
		wrong += pg_kernel(PG_READ, VA) != EXC_PF;
		pg_set(self_slot(VA, 2), entry);
		wrong += pg_kernel(PG_READ, VA) != NO_TRAP;
	}
	pg_check(!wrong, "changes_a_table", "%u accesses ended otherwise", wrong);
	/* a write to the very entry that it goes through */
	for (u32 i = 0; i < 8; i++) {
		u64 entry = self | PTE_KERNEL | PTE_A | PTE_D | (u64)i << 9;
		va_t window = (va_t)(uintptr_t)self_slot(VA, 1);

		/* in one piece: with half of it gone, the way would be; again, if it got dirty */
		while (!pg_swap(self_slot(window, self_level()), pg_get(own), entry))
			;
		pg_load(root);
		wrong += (pg_get(own) & MASK(11, 9)) != (u64)i << 9;
		wrong += pg_read(VA) != 0xb;
	}
	pg_check(!wrong, "changes_its_own_way", "%u accesses ended otherwise", wrong);
	pg_set(own, self | PTE_P);
	pg_load(root);
	pg_check(pg_kernel(PG_WRITE, (va_t)(uintptr_t)self_slot(VA, 1)) == EXC_PF,
		 "read_only_window", "it can be written");
	pg_set(own, 0);
	pg_load_kernel();
	pg_space_free(root);
	pg_frame_free(a);
	pg_frame_free(b);
}

/* --- PDPTs of PAE ----------------------------------------------------------------------------- */

static void pdpt_rewrite(void)
{
	u64 root, other, a, b, old, new;
	u32 wrong = 0, early = 0;
	void *pdpte;

	if (pg->levels != 3)
		return;
	root = pg_space();
	other = pg_space();
	a = marked(0xa);
	b = marked(0xb);
	pg_map(root, VA, a, PTE_KERNEL, 1);
	pg_map(other, VA, b, PTE_KERNEL, 1);
	pdpte = pg_slot(root, VA, 3);
	old = pg_get(pdpte);
	new = pg_get(pg_slot(other, VA, 3));
	pg_load(root);
	pg_check(pg_read(VA) == 0xa, "before", "it reads 0x%x", pg_read(VA));
	for (u32 i = 0; i < 20; i++) {
		u32 want = i & 1 ? 0xa : 0xb, seen;

		pg_set(pdpte, i & 1 ? old : new);
		seen = pg_read(VA);
		early += seen == want;
		wrong += seen != 0xa && seen != 0xb;
		pg_load(root);
		wrong += pg_read(VA) != want;
	}
	pg_check(!wrong, "rewrite", "%u accesses went elsewhere (%u early)", wrong, early);
	pg_load_kernel();
	pg_space_free(root);
	pg_space_free(other);
	pg_frame_free(a);
	pg_frame_free(b);
}

static void many_pdpts(void)
{
	u64 page, spaces[PDPTS];
	u32 wrong = 0;

	if (pg->levels != 3)
		return;
	page = pg_frame();
	for (u32 i = 0; i < PDPTS; i++) {
		spaces[i] = pg_space();
		pg_map(spaces[i], VA, marked(0x1000 + i), PTE_KERNEL, 1);
		memcpy(at(page + i * 32), at(spaces[i]), 32);
	}
	for (u32 round = 0; round < 3; round++)
		for (u32 i = 0; i < PDPTS; i++) {
			u32 n = round & 1 ? PDPTS - 1 - i : i;

			pg_load(page + n * 32);
			wrong += pg_read(VA) != 0x1000 + n;
			pg_write(VA + 4, n);
		}
	pg_check(!wrong, "each_its_own", "%u of %u loads showed another's page", wrong, 3 * PDPTS);
	pg_load_kernel();
	for (u32 i = 0; i < PDPTS; i++) {
		u64 frame = pg_get(pg_slot(spaces[i], VA, 1)) & PG_ADDRESS;

		wrong += *pg_word(frame + 4) != i;
		pg_frame_free(frame);
		pg_space_free(spaces[i]);
	}
	pg_check(!wrong, "writes_arrive", "%u pages were not written", wrong);
	pg_frame_free(page);
}

/* --- many roots ------------------------------------------------------------------------------- */

static void ping_pong(void)
{
	u64 spaces[SPACES], frames[SPACES];
	u32 wrong = 0, rounds = pg_number(40);

	for (u32 i = 0; i < SPACES; i++) {
		spaces[i] = pg_space();
		frames[i] = marked(i);
		pg_map(spaces[i], VA, frames[i], PTE_ALL, 1);
	}
	for (u32 i = 0; i < rounds * SPACES; i++) {
		u32 n = i % SPACES, next = (n + 1) % SPACES;

		pg_load(spaces[n]);
		wrong += pg_read(VA) != n || pg_read(VA + 8) != (i < SPACES ? 0 : i - SPACES);
		pg_write(VA + 8, i);
		if (i % 7)
			continue;
		/* change one that is not loaded: away and back, and to what is read-only */
		pg_set(pg_slot(spaces[next], VA, 1), 0);
		pg_load(spaces[next]);
		wrong += pg_kernel(PG_READ, VA) != EXC_PF;
		pg_load(spaces[n]);
		pg_set(pg_slot(spaces[next], VA, 1), frames[next] | PTE_P | PTE_U);
		pg_load(spaces[next]);
		wrong += pg_kernel(PG_WRITE, VA) != EXC_PF || pg_read(VA) != next;
		pg_load(spaces[n]);
		pg_set(pg_slot(spaces[next], VA, 1), frames[next] | PTE_ALL);
	}
	pg_check(!wrong, "each_its_own", "%u accesses went elsewhere", wrong);
	pg_load_kernel();
	for (u32 i = 0; i < SPACES; i++) {
		pg_space_free(spaces[i]);
		pg_frame_free(frames[i]);
	}
}

/* Makes a space whose root is the given frame. */
static u64 space_at(u64 frame)
{
	u64 root = pg_space();

	memcpy(at(frame), at(root), PAGE_SIZE);
	pg_frame_free(root);
	return frame;
}

static void root_reuse(void)
{
	u64 frame = pg_frame(), a = marked(0xa), b = marked(0xb), keeper;
	u32 wrong = 0;

	for (u32 i = 0; i < REUSES; i++) {
		u32 mark = i & 1 ? 0xb : 0xa;

		/* a root */
		space_at(frame);
		pg_map(frame, VA, i & 1 ? b : a, PTE_KERNEL, 1);
		pg_load(frame);
		wrong += pg_read(VA) != mark;
		pg_load_kernel();
		keeper = pg_frame();
		memcpy(at(keeper), at(frame), PAGE_SIZE);
		/* data */
		memset(at(frame), 0x5a, PAGE_SIZE);
		wrong += *pg_word(frame + 4 * i) != 0x5a5a5a5a;
		/* a lower table, and at the same time data of another page */
		memset(at(frame), 0, PAGE_SIZE);
		pg_load(keeper);
		pg_set(pg_slot(keeper, VA, 2), frame | PTE_ALL);
		pg_map(keeper, VA, i & 1 ? a : b, PTE_KERNEL, 1);
		pg_map(keeper, VA + (va_t)PAGE_SIZE, frame, PTE_KERNEL, 1);
		pg_load(keeper);
		wrong += pg_read(VA) != (mark ^ 1);
		wrong += (pg_get(at((uintptr_t)pg_slot(keeper, VA, 1))) & PG_ADDRESS) !=
			 (i & 1 ? a : b);
		/* written through the page that is a table */
		pg_set(at(VA + PAGE_SIZE + ((uintptr_t)pg_slot(keeper, VA, 1) & (PAGE_SIZE - 1))),
		       (i & 1 ? b : a) | PTE_KERNEL);
		pg_flush(VA);
		wrong += pg_read(VA) != mark;
		pg_set(pg_slot(keeper, VA, 2), 0);
		pg_load_kernel();
		pg_space_free(keeper);
	}
	pg_check(!wrong, "never_what_it_was", "%u accesses went elsewhere", wrong);
	pg_frame_free(frame);
	pg_frame_free(a);
	pg_frame_free(b);
}

/* --- page-table isolation --------------------------------------------------------------------- */

static void isolation(void)
{
	u64 kernel = pg_space(), user = pg_space(), shared = marked(0x5), secret = marked(0x7);
	va_t hidden = VA + (va_t)(2 * pg_page_size(2));
	u32 wrong = 0;

	pg_map(kernel, VA, shared, PTE_ALL, 1);
	pg_map(kernel, hidden, secret, PTE_ALL, 1);
	/* below level 2 the tables are common; the secret's are the kernel's alone */
	pg_set(pg_slot(user, VA, 2), pg_get(pg_slot(kernel, VA, 2)));
	pg_load(kernel);
	for (u32 i = 0; i < 200; i++) {
		pg_load(user);
		wrong += pg_user(PG_READ, VA) != NO_TRAP || pg_value[0] != (i ? i - 1 : 0x5);
		wrong += i % 4 == 0 && pg_user(PG_READ, hidden) != EXC_PF;
		pg_load(kernel);
		wrong += pg_read(hidden) != 0x7;
		pg_write(VA, i);
		if (i % 16)
			continue;
		/* a change of the common table counts in both */
		pg_set(pg_slot(kernel, VA, 1), 0);
		pg_flush(VA);
		pg_load(user);
		wrong += pg_user(PG_READ, VA) != EXC_PF;
		pg_set(pg_slot(kernel, VA, 1), shared | PTE_ALL);
		pg_load(kernel);
	}
	pg_check(!wrong, "two_roots", "%u accesses ended otherwise", wrong);
	pg_set(pg_slot(user, VA, 2), 0);
	pg_load_kernel();
	pg_space_free(user);
	pg_space_free(kernel);
	pg_frame_free(shared);
	pg_frame_free(secret);
}

static const struct pg_scene scenes[] = {
	{ "self_map", self_map },   { "pdpt", pdpt_rewrite }, { "pdpts", many_pdpts },
	{ "ping_pong", ping_pong }, { "reuse", root_reuse },  { "isolation", isolation },
};

void guest_main(void)
{
	pg_run(scenes, ARRAY_SIZE(scenes));
}
