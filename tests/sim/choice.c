/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/choice.h"

#include <string.h>

#include "mmu/geom.h"

#define SMALL      (MMU_LEVEL_BITS < 9)
#define TABLES     17 /* frames 1 .. 16 begin as tables */
#define FRAMES     64 /* that entries name, mostly */
#define FAR_FRAMES 0x400

/* Addresses that worked lately, for each vCPU. */
#define HOT 4

static struct {
	u64 gva[HOT];
	u32 next;
} hot[SIM_VCPUS];

void choice_worked(const struct sim_vcpu *v, u64 gva)
{
	hot[v->id].gva[hot[v->id].next++ % HOT] = gva & ~(PAGE_SIZE - 1);
}

/*
 * As an address of the mode, which may have changed since: fewer bits, or canonical in another way.
 */
static u64 address_in(enum sim_mode mode, u64 gva)
{
	enum sim_mode as = mode == SIM_NONE ? SIM_PAE : mode;
	u32 top = as == SIM_PAE ? sim_shift(as, 3) + 2 : sim_shift(as, sim_levels(as) + 1);
	bool wide = mode >= SIM_LM4 && !SMALL;

	gva <<= 64 - top;
	return wide ? (u64)((s64)gva >> (64 - top)) : gva >> (64 - top);
}

u64 choose_hot(const struct sim_vcpu *v)
{
	u32 n = MIN(hot[v->id].next, (u32)HOT);
	enum sim_mode mode = sim_mode_of(&v->regs);

	return n ? address_in(mode, hot[v->id].gva[sim_rand(n)]) : choose_gva(mode);
}

u64 choose_table(void)
{
	return 1 + sim_rand(TABLES - 1);
}

u32 level_of_frame(u64 gfn)
{
	static const u8 level[TABLES] = { 1, 5, 4, 4, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1 };

	return gfn < TABLES ? level[gfn] : 1;
}

/* A frame of this level; level 0 is data. */
static u64 frame_of_level(u32 level)
{
	static const u8 first[] = { 17, 11, 7, 4, 2, 1 }, nr[] = { 15, 6, 4, 3, 2, 1 };
	u32 c = sim_rand(16);

	if (c == 0 && sim_chance(2))
		return sim_rand(FRAMES);
	if (level == 0 && c < 5)
		return choose_table();
	if (level == 0 && c < 8)
		return 40 + sim_rand(16);
	return first[level] + sim_rand(nr[level]);
}

/* An index into a table of n entries. */
static u32 choose_index(u32 n)
{
	u32 c = sim_rand(8);

	if (n <= 8)
		return c < 6 ? c % 2 : sim_rand(n);
	return c == 7 ? n - 1 : c % 3;
}

u64 choose_gva(enum sim_mode mode)
{
	u32 index[5] = { 0 }, levels = sim_levels(mode);

	if (mode == SIM_NONE)
		return (u64)sim_rand(FRAMES) << PAGE_SHIFT;
	for (u32 i = 0; i < levels; i++)
		index[i] = choose_index(mode == SIM_PAE && i == 0 ? 4 : 1U << sim_index_bits(mode));
	return sim_gva(mode, index);
}

u64 choose_offset(u8 size)
{
	u32 n = SMALL ? 8 : (u32)(PAGE_SIZE / size);

	return (u64)choose_index(n) * size;
}

/* Entry bits, without the address. */
static u64 choose_bits(u32 level)
{
	u64 e = P_;

	e |= sim_rand(16) ? W_ : 0;
	e |= sim_rand(16) ? U_ : 0;
	e |= sim_rand(2) ? A_ : 0;
	e |= sim_rand(2) ? D_ : 0;
	e |= sim_chance(4) ? G_ : 0;
	if (level > 1 && sim_chance(5))
		e |= PS_;
	if (sim_chance(24))
		e &= ~P_;
	return e;
}

static u64 choose_large(enum sim_mode mode, u32 level)
{
	u64 gfn = SMALL || sim_rand(2) ? sim_rand(FRAMES) : FAR_FRAMES + sim_rand(FAR_FRAMES);

	return ALIGN_DOWN(gfn << PAGE_SHIFT, BIT(sim_shift(mode, level)));
}

u64 choose_entry(enum sim_mode mode, u32 level)
{
	u64 e = choose_bits(level);

	if (mode == SIM_PAE && level == 3)
		return frame_of_level(2) << PAGE_SHIFT | (sim_rand(8) ? P_ : 0) |
		       (sim_chance(64) ? U_ : 0);
	if (level > 1 && (e & PS_))
		e |= choose_large(mode, level);
	else
		e |= frame_of_level(level - 1) << PAGE_SHIFT;
	if (sim_pte_size(mode) == 4)
		return (u32)e | (level > 1 && (e & PS_) && sim_chance(16) ? BIT(13) : 0);
	if (sim_chance(32))
		e |= NX_;
	if (sim_chance(8))
		e |= (u64)sim_rand(3) << 59;
	if (sim_chance(128))
		e |= BIT(36 + sim_rand(12)); /* reserved, or memory that is far away */
	return e;
}

u64 choose_cr3(enum sim_mode mode)
{
	u32 levels = sim_levels(mode);
	u64 cr3 = frame_of_level(levels ? levels : 4) << PAGE_SHIFT;

	if (mode == SIM_PAE)
		cr3 |= sim_rand(2) * 32ULL;
	return cr3;
}

static u64 choose_value(enum sim_mode mode, u8 size)
{
	u32 levels = sim_levels(mode);

	if (levels == 0)
		return choose_entry(size == 4 ? SIM_PSE : SIM_LM4, 1 + sim_rand(2));
	return choose_entry(mode, 1 + sim_rand(levels));
}

void choose_access(struct sim_vcpu *v, struct sim_access *a)
{
	enum sim_mode mode = sim_mode_of(&v->regs);
	u32 c = sim_rand(8);

	*a = (struct sim_access){ .size = mode == SIM_32 || mode == SIM_PSE ? 4 : 8 };
	a->access = c < 3 ? MMU_R : c < 7 ? MMU_W : MMU_X;
	a->access |= sim_chance(3) ? MMU_U : 0;
	a->gva = sim_chance(3) ? choose_hot(v) : choose_gva(mode);
	a->gva += choose_offset(a->size);
	if (v->regs.cr4 & CR4_PKE)
		a->pkru = sim_rand(64);
	a->ac = sim_chance(4);
	if (a->access == MMU_R && sim_chance(8))
		a->access |= MMU_IMPLICIT;
	a->locked = sim_chance(4);
	a->unshadow = sim_chance(8);
	a->value = a->access & MMU_W ? choose_value(mode, a->size) : 0;
}

void fill_tables(enum sim_mode mode)
{
	u8 size = sim_pte_size(mode);
	u32 n = SMALL ? 8 : 4;

	memset(hot, 0, sizeof(hot));

	for (u64 gfn = 1; gfn < TABLES; gfn++) {
		u32 level = MIN(level_of_frame(gfn), sim_levels(mode));

		for (u32 i = 0; i < n; i++) {
			u64 offset = i == 3 && !SMALL ? PAGE_SIZE - size : i * size;

			sim_poke((gfn << PAGE_SHIFT) + offset, choose_entry(mode, level), size);
		}
	}
}

u64 fill_pdpt(void)
{
	u64 cr3 = 4ULL << PAGE_SHIFT;

	for (u32 i = 0; i < 4; i++)
		sim_poke(cr3 + i * 8, frame_of_level(2) << PAGE_SHIFT | P_, 8);
	return cr3;
}
