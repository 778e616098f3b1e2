/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest as scripts want it: much RAM at 0, page tables at TABLES, and a window of linear
 * addresses through which it writes to its own tables. Header only, for tests/host/shadow_*_test.c.
 */
#pragma once

#include "tests/host/test.h"
#include "tests/sim/sim.h"

#include "mmu/pool.h"
#include "mmu/shadow/sp.h"

#define FRAMES   0x2000ULL
#define DEVICE   ((FRAMES + 4) << PAGE_SHIFT)
#define TABLES   0x1000ULL /* frame */
#define WINDOW   0x80000000ULL
#define DATA(i)  ((0x100ULL + (i)) << PAGE_SHIFT)
#define OTHER(i) ((0x800ULL + (i)) << PAGE_SHIFT)
#define LEAF     (P_ | W_ | U_ | A_ | D_)

static inline void os_boot(u32 vcpus)
{
	static const struct sim_slot slots[] = {
		{ .gfn = 0, .nr = FRAMES, .hfn = SIM_RAM >> PAGE_SHIFT, .kind = SLOT_RAM },
		{ .gfn = FRAMES + 4, .nr = 2, .kind = SLOT_MMIO, .dev = 7 },
		{ 0 },
	};

	sim_start(&(struct sim_cfg){ .cpus = vcpus, .vcpus = vcpus, .slots = slots });
	sim_tables_at(TABLES);
	sim.keep = SIM_KEEP_ALL;
}

static inline void os_end(void)
{
	sim_audit();
	sim_stop();
}

static inline void os_leave(struct sim_vcpu *v)
{
	if (v->in_guest)
		sim_exit(v);
}

/* The frame at gpa is seen at WINDOW + gpa in this space. */
static inline void os_window(const struct sim_space *s, u64 gpa)
{
	gpa = ALIGN_DOWN(gpa, PAGE_SIZE);
	sim_map(s, WINDOW + gpa, gpa, LEAF, 1);
}

/* Maps gva, and the entry that does it in the window of the space. */
static inline void os_map(const struct sim_space *s, u64 gva, u64 gpa)
{
	sim_map(s, gva, gpa, LEAF, 1);
	os_window(s, sim_pte(s, gva, 1));
}

/* The guest stores to an entry, through its window. */
static inline struct sim_out os_write(struct sim_vcpu *v, u64 entry_gpa, u64 value, u8 size)
{
	struct sim_out out = sim_store(v, WINDOW + entry_gpa, value, size);

	assert_int_equal(out.end, SIM_OK);
	assert_true(out.gpa == entry_gpa);
	return out;
}

/* The same for the entry of gva at this level. */
static inline struct sim_out os_set_pte(struct sim_vcpu *v, const struct sim_space *s, u64 gva,
					u32 level, u64 e)
{
	return os_write(v, sim_pte(s, gva, level), e, sim_pte_size(s->mode));
}

/* The shadow page of a guest table; there must be one and not two. */
static inline spx_t os_shadow(u64 table_gpa)
{
	gfn_t gfn = GFN(table_gpa >> PAGE_SHIFT);
	spx_t x = sp_next_of(&sim.vm, gfn, 0);

	assert_int_not_equal(x, 0);
	assert_int_equal(sp_next_of(&sim.vm, gfn, x), 0);
	return x;
}

static inline spx_t os_shadow_of(const struct sim_space *s, u64 gva, u32 level)
{
	return os_shadow(sim_pte(s, gva, level));
}

static inline bool os_unsync(spx_t x)
{
	return sp_get(x)->flags & SP_UNSYNC;
}

static inline bool os_bit(spx_t x, u32 idx)
{
	return sp_get(x)->unsync_map[idx / 64] >> (idx % 64) & 1;
}

static inline u32 os_bits(spx_t x)
{
	u32 n = 0;

	for (u32 i = 0; i < MMU_ENTRIES; i++)
		n += os_bit(x, i);
	return n;
}
