/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory. Every word that was stored to since the start has a history in a hash table; all
 * others have been zero for ever. mmu/ stores to guest memory itself only to set A and D: such
 * changes are found when the word is looked at, and anything else that changed is a failure.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

/* 64 GiB of address space would do; a few slots with all kinds of neighbours do as well. */
const struct sim_slot sim_default_slots[] = {
	{ .gfn = 0, .nr = 32, .hfn = SIM_RAM >> PAGE_SHIFT, .kind = SLOT_RAM },
	{ .gfn = 36, .nr = 4, .kind = SLOT_MMIO, .dev = 7 },
	{ .gfn = 40, .nr = 16, .hfn = (SIM_RAM >> PAGE_SHIFT) + 104, .kind = SLOT_RAM },
	{ .gfn = 56, .nr = 2, .hfn = (SIM_RAM >> PAGE_SHIFT) + 202, .kind = SLOT_ROM },
	{ 0 },
};

/* --- slots ------------------------------------------------------------------------------------ */

static u64 *dirty[SIM_SLOTS]; /* while the slot is logged: a bit for each frame */
static void slot_changed(const struct sim_slot *s, bool gone);

const struct sim_slot *sim_slot_of(u64 gfn)
{
	for (u32 i = 0; i < SIM_SLOTS; i++) {
		const struct sim_slot *s = &sim.slot[i];

		if (s->kind != SLOT_NONE && gfn - s->gfn < s->nr)
			return s;
	}
	return NULL;
}

void *sim_host(u64 gpa)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	const struct sim_slot *s = sim_slot_of(gfn);

	if (!s || s->kind == SLOT_MMIO)
		return NULL;
	return env_sim.mem + ((s->hfn + (gfn - s->gfn)) << PAGE_SHIFT) + gpa % PAGE_SIZE;
}

bool sim_gpa_of(u64 hpa, u64 *gpa)
{
	u64 hfn = hpa >> PAGE_SHIFT;

	for (u32 i = 0; i < SIM_SLOTS; i++) {
		const struct sim_slot *s = &sim.slot[i];

		if (s->kind == SLOT_NONE || s->kind == SLOT_MMIO || hfn - s->hfn >= s->nr)
			continue;
		*gpa = ((s->gfn + (hfn - s->hfn)) << PAGE_SHIFT) + hpa % PAGE_SIZE;
		return true;
	}
	return false;
}

int sim_slot_add(u32 i, const struct sim_slot *s)
{
	struct slot slot = {
		.gfn = GFN(s->gfn),
		.nr = s->nr,
		.hfn = HFN(s->hfn),
		.kind = s->kind,
		.dev = s->dev,
	};
	int r;

	sim.slot[i] = *s;
	slot_changed(s, false);
	sim.changing = &sim.slot[i];
	r = mmu_slot_add(&sim.vm, &slot);
	sim.changing = NULL;
	if (r) {
		slot_changed(s, true);
		sim.slot[i].kind = SLOT_NONE;
	}
	return r;
}

/* The memory is there until mmu_slot_remove() returns: running CPUs may use it. */
int sim_slot_remove(u32 i)
{
	int r;

	sim.changing = &sim.slot[i];
	r = mmu_slot_remove(&sim.vm, GFN(sim.slot[i].gfn));
	sim.changing = NULL;
	if (r == 0) {
		slot_changed(&sim.slot[i], true);
		sim.slot[i].kind = SLOT_NONE;
		free(dirty[i]);
		dirty[i] = NULL;
	}
	return r;
}

int sim_dirty_start(u32 i)
{
	int r = mmu_dirty_start(&sim.vm, GFN(sim.slot[i].gfn));

	/* What mmu/ has set so far, the log need not have. */
	sim_reconcile();
	if (r == 0 && !dirty[i]) {
		dirty[i] = calloc(sim.slot[i].nr / 64 + 1, sizeof(u64));
		sim_check(dirty[i], "out of memory");
	}
	return r;
}

int sim_dirty_stop(u32 i)
{
	free(dirty[i]);
	dirty[i] = NULL;
	return mmu_dirty_stop(&sim.vm, GFN(sim.slot[i].gfn));
}

/* Counts of R, W and X. */
static u8 tracks[SIM_TRACKED][3];

static void count_tracks(u32 gfn, u32 rights, int by)
{
	tracks[gfn][0] = (u8)(tracks[gfn][0] + (rights & MMU_R ? by : 0));
	tracks[gfn][1] = (u8)(tracks[gfn][1] + (rights & MMU_W ? by : 0));
	tracks[gfn][2] = (u8)(tracks[gfn][2] + (rights & MMU_X ? by : 0));
}

int sim_track_add(u32 gfn, u32 rights)
{
	int r = mmu_track_add(&sim.vm, GFN(gfn), rights);

	if (r == 0)
		count_tracks(gfn, rights, 1);
	return r;
}

void sim_track_remove(u32 gfn, u32 rights)
{
	const u8 *t = tracks[gfn];

	if ((rights & MMU_R && !t[0]) || (rights & MMU_W && !t[1]) || (rights & MMU_X && !t[2]))
		return;
	count_tracks(gfn, rights, -1);
	mmu_track_remove(&sim.vm, GFN(gfn), rights);
}

bool sim_tracked(u64 gfn, u32 access)
{
	const u8 *t = gfn < SIM_TRACKED ? tracks[gfn] : NULL;

	return t && (t[0] || (t[1] && access & MMU_W) || (t[2] && access & MMU_X));
}

/* Writes that come while mmu/ fetches may be in this fetch or the next. */
void sim_dirty_fetch(u32 i)
{
	static u64 bits[64], before[64];
	u64 nr = MIN(ALIGN_UP(sim.slot[i].nr, 64ULL), 64ULL * 64);

	if (!dirty[i])
		return;
	sim_reconcile();
	memcpy(before, dirty[i], nr / 8);
	memset(dirty[i], 0, nr / 8);
	sim_check(mmu_dirty_fetch(&sim.vm, GFN(sim.slot[i].gfn), nr, bits) == 0, "dirty fetch");
	for (u64 w = 0; w < nr / 64; w++) {
		u64 missing = before[w] & ~bits[w];

		sim_check(!missing, "dirty log has missed frames %#llx of slot %u",
			  (unsigned long long)missing, i);
		dirty[i][w] &= ~bits[w];
	}
}

static void mark_dirty(u64 gfn)
{
	for (u32 i = 0; i < SIM_SLOTS; i++) {
		const struct sim_slot *s = &sim.slot[i];

		if (dirty[i] && s->kind != SLOT_NONE && gfn - s->gfn < s->nr)
			dirty[i][(gfn - s->gfn) / 64] |= BIT((gfn - s->gfn) % 64);
	}
}

/* --- history ---------------------------------------------------------------------------------- */

#define VERSIONS SIM_PAST /* that are kept of a word */
#define WORDS    (1U << 14)

struct word {
	u64 key; /* gpa / 8 + 1; 0 = free */
	u32 nr;  /* versions ever; the last VERSIONS are here */
	bool wild, pending;
	u64 *host; /* where it was last */
	u64 value[VERSIONS], time[VERSIONS];
};

static struct word words[WORDS];
static u32 used[WORDS]; /* indices of words in use */
static u32 nr_used;

static void history_start(void)
{
	for (u32 i = 0; i < nr_used; i++)
		words[used[i]].key = 0;
	nr_used = 0;
}

/* make: enters it when it is not there. */
static struct word *word_find(u64 gpa, bool make)
{
	u64 key = gpa / 8 + 1;
	u32 i = (u32)(key * 0x9e3779b97f4a7c15ULL >> 50);

	for (; words[i].key; i = (i + 1) % WORDS)
		if (words[i].key == key)
			return &words[i];
	if (!make)
		return NULL;
	sim_check(nr_used < WORDS * 3 / 4, "the simulator's history is full");
	words[i] = (struct word){ .key = key, .nr = 1 }; /* zero since time 0 */
	used[nr_used++] = i;
	return &words[i];
}

static bool word_in(const struct word *w, const struct sim_slot *s)
{
	return ((w->key - 1) * 8 >> PAGE_SHIFT) - s->gfn < s->nr;
}

static u64 *word_last(struct word *w)
{
	return &w->value[(w->nr - 1) % VERSIONS];
}

static void word_push(struct word *w, u64 value)
{
	if (value == *word_last(w))
		return;
	w->nr++;
	*word_last(w) = value;
	w->time[(w->nr - 1) % VERSIONS] = ++sim.now;
}

/* What the bus gives: ones where no memory is. */
static u64 word_memory(struct word *w)
{
	u64 *p = sim_host((w->key - 1) * 8);

	if (!p)
		return ~0ULL;
	w->host = p;
	return *p;
}

/* A and D of entries of 8 and 4 bytes, where P is set. */
static bool only_ad(u64 old, u64 new)
{
	u64 bits = old ^ new;

	if (new &bits & ~MASK(6, 5) & ~MASK(38, 37))
		return false;
	if (old & bits)
		return false;
	if ((bits & MASK(6, 5)) && !(old & 1))
		return false;
	return !(bits & MASK(38, 37)) || (old >> 32 & 1);
}

static void word_reconcile(struct word *w)
{
	u64 value = word_memory(w), old = *word_last(w);

	if (value == old || w->wild)
		return;
	if (w->pending) {
		word_push(w, value);
		return;
	}
	sim_check(only_ad(old, value), "guest memory at %#llx has changed from %#llx to %#llx",
		  (unsigned long long)(w->key - 1) * 8, (unsigned long long)old,
		  (unsigned long long)value);
	sim_check(sim.writing || !((old ^ value) & (D_ | D_ << 32)),
		  "a D bit was set at %#llx though nobody has written",
		  (unsigned long long)(w->key - 1) * 8);
	mark_dirty((w->key - 1) * 8 >> PAGE_SHIFT);
	word_push(w, value);
}

void sim_reconcile(void)
{
	for (u32 i = 0; i < nr_used; i++)
		word_reconcile(&words[used[i]]);
}

void sim_noted(u64 gpa, u64 len)
{
	for (u64 a = gpa & ~7ULL; a < gpa + len; a += 8) {
		struct word *w = word_find(a, true);

		word_push(w, word_memory(w));
	}
	mark_dirty(gpa >> PAGE_SHIFT);
}

/* What mmu/ has set so far comes before the store. */
void sim_pending(u64 gpa, bool on)
{
	if (on)
		sim_reconcile();
	word_find(gpa, true)->pending = on;
}

void sim_wild(u64 gpa)
{
	word_find(gpa, true)->wild = true;
}

bool sim_is_wild(u64 gpa)
{
	const struct word *w = word_find(gpa, false);

	return w && w->wild;
}

/* Another memory is there now, which nobody has written to yet, or none. */
static void slot_changed(const struct sim_slot *s, bool gone)
{
	for (u32 i = 0; i < nr_used; i++) {
		struct word *w = &words[used[i]];

		if (s->kind == SLOT_MMIO || !word_in(w, s))
			continue;
		if (gone && w->host)
			*w->host = 0;
		word_push(w, gone ? ~0ULL : word_memory(w));
	}
}

static u64 part(u64 word, u64 gpa, u8 size)
{
	return size == 8 ? word : (u32)(word >> (gpa % 8 * 8));
}

u64 sim_peek(u64 gpa, u8 size)
{
	const void *p = sim_host(gpa & ~7ULL);
	u64 word = ~0ULL;

	if (p)
		memcpy(&word, p, 8);
	return part(word, gpa, size);
}

void sim_past(u64 gpa, u8 size, u64 since, struct sim_past *p)
{
	struct word *w = word_find(gpa, false);
	u64 to;

	if (w)
		word_reconcile(w);
	to = sim.now + 1;
	*p = (struct sim_past){ .nr = 1 };
	p->value[0] = sim_peek(gpa, size);
	p->to[0] = to;
	if (!w)
		return;
	p->nr = 0;
	for (u32 i = w->nr; i-- > 0 && to > since;) {
		if (w->nr - i > VERSIONS) {
			p->lost = true;
			return;
		}
		p->value[p->nr] = part(w->value[i % VERSIONS], gpa, size);
		p->from[p->nr] = w->time[i % VERSIONS];
		p->to[p->nr++] = to;
		to = w->time[i % VERSIONS];
	}
}

void sim_poke(u64 gpa, u64 value, u8 size)
{
	u8 *p = sim_host(gpa);

	sim_check(p, "no memory at %#llx to store to", (unsigned long long)gpa);
	memcpy(p, &value, size);
	sim_noted(gpa, size);
}

/* --- start ------------------------------------------------------------------------------------ */

void sim_guest_start(const struct sim_slot *slots)
{
	/* Memory of the last machine: clear what was stored to. */
	for (u32 i = 0; i < nr_used; i++)
		if (words[used[i]].host)
			*words[used[i]].host = 0;
	history_start();
	memset(tracks, 0, sizeof(tracks));
	for (u32 i = 0; i < SIM_SLOTS; i++) {
		free(dirty[i]);
		dirty[i] = NULL;
	}
	for (u32 i = 0; i < SIM_SLOTS && slots[i].nr; i++)
		sim_check(sim_slot_add(i, &slots[i]) == 0, "slot %u", i);
}
