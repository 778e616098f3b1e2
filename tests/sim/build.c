/* SPDX-License-Identifier: BSD-2-Clause */
/* What scripted tests are written in: guest page tables, modes, accesses with expectations. */
#include "tests/sim/sim.h"

#include <string.h>

#include "mmu/geom.h"

/* --- the guest's formats ---------------------------------------------------------------------- */

u32 sim_levels(enum sim_mode mode)
{
	static const u8 levels[SIM_MODES] = {
		[SIM_32] = 2, [SIM_PSE] = 2, [SIM_PAE] = 3, [SIM_LM4] = 4, [SIM_LM5] = 5
	};

	return levels[mode];
}

static bool narrow(enum sim_mode mode)
{
	return mode == SIM_32 || mode == SIM_PSE;
}

u8 sim_pte_size(enum sim_mode mode)
{
	return narrow(mode) ? 4 : 8;
}

u32 sim_index_bits(enum sim_mode mode)
{
	return narrow(mode) ? MMU_LEVEL_BITS + 1 : MMU_LEVEL_BITS;
}

u32 sim_shift(enum sim_mode mode, u32 level)
{
	return PAGE_SHIFT + sim_index_bits(mode) * (level - 1);
}

static u64 index_of(enum sim_mode mode, u64 gva, u32 level)
{
	u64 i = gva >> sim_shift(mode, level);

	return mode == SIM_PAE && level == 3 ? i & 3 : i & (BIT(sim_index_bits(mode)) - 1);
}

u64 sim_gva(enum sim_mode mode, const u32 *index)
{
	u32 levels = sim_levels(mode);
	u64 gva = 0;

	for (u32 i = 0; i < levels; i++)
		gva |= (u64)index[i] << sim_shift(mode, levels - i);
	/* Canonical, where addresses have that width. */
	if (MMU_LEVEL_BITS == 9 && levels >= 4) {
		u32 unused = 64 - sim_shift(mode, levels + 1);

		gva = (u64)((s64)(gva << unused) >> unused);
	}
	return gva;
}

/* --- tables ----------------------------------------------------------------------------------- */

static u64 next_table;

void sim_tables_at(u64 gfn)
{
	next_table = gfn;
}

u64 sim_table_alloc(void)
{
	return next_table++ << PAGE_SHIFT;
}

struct sim_space sim_space_at(enum sim_mode mode, u64 cr3)
{
	return (struct sim_space){ .mode = mode, .cr3 = cr3 };
}

struct sim_space sim_space_new(enum sim_mode mode)
{
	return sim_space_at(mode, sim_table_alloc());
}

/* The table of that level on the way to gva; make: adds what is missing, else ~0. */
static u64 table_of(const struct sim_space *s, u64 gva, u32 level, bool make)
{
	u32 top = sim_levels(s->mode);
	u64 table = s->cr3 & (s->mode == SIM_PAE ? ~31ULL : ~0xfffULL);
	u8 size = sim_pte_size(s->mode);

	for (u32 l = top; l > level; l--) {
		u64 gpa = table + index_of(s->mode, gva, l) * size, e = sim_peek(gpa, size);

		if (!(e & P_)) {
			if (!make)
				return ~0ULL;
			e = sim_table_alloc() | P_;
			if (s->mode != SIM_PAE || l < 3)
				e |= W_ | U_ | A_;
			sim_poke(gpa, e, size);
		}
		table = e & MASK(51, 12);
	}
	return table;
}

u64 sim_pte(const struct sim_space *s, u64 gva, u32 level)
{
	u64 table = table_of(s, gva, level, false);

	sim_check(table != ~0ULL, "no table of level %u for %#llx", level, (unsigned long long)gva);
	return table + index_of(s->mode, gva, level) * sim_pte_size(s->mode);
}

void sim_map(const struct sim_space *s, u64 gva, u64 gpa, u64 flags, u32 level)
{
	u64 table = table_of(s, gva, level, true);
	u8 size = sim_pte_size(s->mode);

	if (level > 1)
		flags |= PS_;
	sim_poke(table + index_of(s->mode, gva, level) * size, gpa | flags, size);
}

/* --- vCPUs ------------------------------------------------------------------------------------ */

void sim_set_space(struct sim_vcpu *v, const struct sim_space *s, bool wp, bool nx)
{
	struct mmu_regs r = v->regs;

	r.cr0 = CR0_PE | CR0_ET | (wp ? CR0_WP : 0) | (s->mode != SIM_NONE ? CR0_PG : 0);
	r.cr4 = s->mode == SIM_PSE ? CR4_PSE : 0;
	if (s->mode >= SIM_PAE)
		r.cr4 = CR4_PAE | (s->mode == SIM_LM5 ? CR4_LA57 : 0);
	r.efer = (nx ? EFER_NXE : 0) | (s->mode >= SIM_LM4 ? EFER_LME | EFER_LMA : 0);
	r.cr3 = s->cr3;
	sim_check(sim_write_regs(v, &r, MMU_WROTE_ALL), "#GP");
}

void sim_load_cr3(struct sim_vcpu *v, u64 cr3)
{
	struct mmu_regs r = v->regs;

	r.cr3 = cr3 & ~CR3_NOFLUSH;
	sim_check(sim_write_regs(v, &r, cr3 & CR3_NOFLUSH ? MMU_WROTE_CR3_NOFLUSH : MMU_WROTE_CR3),
		  "#GP");
}

struct sim_out sim_do(struct sim_vcpu *v, u64 gva, u32 access)
{
	return sim_access(v, &(struct sim_access){ .gva = gva & ~7ULL,
						   .access = access,
						   .size = 8,
						   .value = 0x5a5a5a5a5a5a5a5aULL });
}

struct sim_out sim_store(struct sim_vcpu *v, u64 gva, u64 value, u8 size)
{
	return sim_access(v, &(struct sim_access){
				     .gva = gva, .access = MMU_W, .size = size, .value = value });
}

static const char *const end_name[] = { "done",      "#PF",       "device", "rom",
					"no memory", "VM killed", "stuck" };

void sim_expect_ok(struct sim_vcpu *v, u64 gva, u32 access, u64 gpa)
{
	struct sim_out out = sim_do(v, gva, access);

	sim_check(out.end == SIM_OK && out.gpa == (gpa & ~7ULL),
		  "access %#x of %#llx: %s, gpa %#llx, error %#x; expected gpa %#llx", access,
		  (unsigned long long)gva, end_name[out.end], (unsigned long long)out.gpa,
		  out.error, (unsigned long long)gpa);
}

void sim_expect_pf(struct sim_vcpu *v, u64 gva, u32 access, u32 error)
{
	struct sim_out out = sim_do(v, gva, access);

	sim_check(out.end == SIM_PF && out.error == error,
		  "access %#x of %#llx: %s, gpa %#llx, error %#x; expected #PF with error %#x",
		  access, (unsigned long long)gva, end_name[out.end], (unsigned long long)out.gpa,
		  out.error, error);
}

u64 sim_stat(enum mmu_stat_id id)
{
	return mmu_stat_get(&sim.vm, id);
}
