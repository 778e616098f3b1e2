/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is tried in a mode of paging, for each size of page:
 *
 *	leaf	all bits of the leaf x all registers x all accesses
 *	pairs	every access right after every other one, through the same unchanged entries and
 *		what the TLB knows of them, for the rights in the leaf and all registers
 *	upper	all bits of each entry above it x all accesses, with leaves and registers that cover
 *		any three of their bits in all values
 *	rights	the rights in the entries of all levels and the registers, covered in the same way
 *	single	each other bit of each entry alone: reserved, ignored, or without meaning here
 *	pdpte	PDPTEs of PAE paging that are absent or have ignored bits
 *	far	4 MiB pages above 4 GiB (PSE-36)
 *
 * "full" makes upper the product of the entry with the rights in the leaf and all registers, and
 * tries many more rights. Of absent and reserved entries, which end alike with most other bits,
 * there are always fewer.
 */

#include "tests/guests/access/access.h"

#include <string.h>

#include "tests/guests/lib/guest.h"

#define BATCH  2048
#define BENIGN (PTE_P | PTE_W | PTE_U | PTE_A)
#define RIGHTS 1024
#define SPARSE 5 /* of combinations that end alike, one in so many is tried */

static const struct cpu *cpu;
static const struct mode *mode;
static bool full;

/* --- the list of attempts --------------------------------------------------------------------- */

static struct attempt batch[BATCH];
static u32 batch_nr, batch_leaf;
static struct regs batch_regs;
static bool batch_by_cr3;

static void flush(void)
{
	if (batch_nr == 0)
		return;
	run(mode, &batch_regs, batch_leaf, batch_by_cr3, batch, batch_nr);
	judge(&batch_regs, batch, batch_nr);
	batch_nr = 0;
}

/* What follows is tried with these registers, on a page that an entry of leaf_level maps. */
static void begin(const struct regs *r, u32 leaf_level, bool by_cr3)
{
	flush();
	batch_regs = *r;
	batch_leaf = leaf_level;
	batch_by_cr3 = by_cr3;
}

static struct attempt *try(const u64 before[LEVELS_MAX], u32 kind)
{
	struct attempt *a;

	if (batch_nr == BATCH)
		flush();
	a = &batch[batch_nr++];
	memset(a, 0, sizeof(*a));
	memcpy(a->before, before, sizeof(a->before));
	memcpy(a->after, before, sizeof(a->after));
	a->kind = erratum_forbids(mode, &batch_regs, before, kind) ? kind - OP_WRITE : kind;
	return a;
}

/* AC counts for the supervisor's data under SMAP, and might be thought to count under SMEP. */
static bool kind_counts(const struct regs *r, u32 kind)
{
	bool supervisor = !(kind & KIND_USER) || (kind & OP_MASK) == OP_LDT;

	return !(kind & KIND_AC) || (supervisor && (r->smap || r->smep));
}

/* The kinds that count under these registers; returns how many. */
static u32 kinds_of(const struct regs *r, u32 kind[KIND_NR])
{
	u32 nr = 0;

	for (u32 k = 0; k < KIND_NR; k++)
		if (kind_counts(r, k))
			kind[nr++] = k;
	return nr;
}

static void try_kinds(const u64 before[LEVELS_MAX])
{
	u32 kind[KIND_NR], nr = kinds_of(&batch_regs, kind);

	for (u32 i = 0; i < nr; i++)
		try(before, kind[i]);
}

/* --- entries ---------------------------------------------------------------------------------- */

static bool is_pdpte(u32 level)
{
	return !mode->long_mode && level == 3;
}

/* The address and what makes the entry one of its level; none of the bits that are tried. */
static u64 base_entry(u32 level, u32 leaf_level)
{
	bool leaf = level == leaf_level;

	return tables_address(mode, level, leaf) | (leaf && level > 1 ? PTE_PS : 0);
}

static void benign_entries(u64 e[LEVELS_MAX], u32 leaf_level)
{
	memset(e, 0, LEVELS_MAX * sizeof(e[0]));
	for (u32 level = leaf_level; level <= mode->levels; level++)
		e[level - 1] = base_entry(level, leaf_level) | (is_pdpte(level) ? PTE_P : BENIGN);
}

/* NX is a bit to try, not one of those that are reserved. */
static const struct regs with_nx = { .nxe = true };

/* The bits of an entry that are tried in all combinations. */
struct bits {
	u64 base;
	u64 bit[10];
	u32 nr;
	u32 level;
	bool leaf;
};

static void add_bit(struct bits *b, u64 bit)
{
	b->bit[b->nr++] = bit;
}

static struct bits bits_of(u32 level, u32 leaf_level)
{
	struct bits b = { .base = base_entry(level, leaf_level),
			  .level = level,
			  .leaf = level == leaf_level };
	u64 reserved = model_reserved(cpu, mode, &with_nx, level, b.leaf) & ~PTE_PS;

	add_bit(&b, PTE_P);
	add_bit(&b, PTE_W);
	add_bit(&b, PTE_U);
	add_bit(&b, PTE_A);
	if (b.leaf)
		add_bit(&b, PTE_D);
	if (mode->entry_size == 8)
		add_bit(&b, PTE_NX);
	if (b.leaf && mode->long_mode)
		add_bit(&b, (u64)KEY << PTE_KEY_SHIFT);
	if (reserved) /* the highest */
		add_bit(&b, BIT(63 - (u32)__builtin_clzll(reserved)));
	if (!b.leaf && (level > 3 || (mode->entry_size == 4 && !(mode->cr4 & CR4_PSE))))
		add_bit(&b, PTE_PS); /* reserved, or ignored */
	return b;
}

static u32 combinations(const struct bits *b)
{
	return BIT32(b->nr);
}

static u64 combine(const struct bits *b, u32 n)
{
	u64 e = b->base;

	for (u32 i = 0; i < b->nr; i++)
		if (n & BIT32(i))
			e |= b->bit[i];
	return e;
}

/* An absent or reserved entry ends alike with most other bits: each turn takes some of them. */
static bool combination_counts(const struct bits *b, u32 n, u32 turn)
{
	u64 e = combine(b, n);
	u64 reserved = model_reserved(cpu, mode, &batch_regs, b->level, b->leaf);

	return ((e & PTE_P) && !(e & reserved)) || (n + turn) % SPARSE == 0;
}

/* --- registers -------------------------------------------------------------------------------- */

/* PKRU that gives KEY the rights and every other key the opposite. Bochs would deny writes to the
 * supervisor's pages, too: so there our own pages, of key 0, can be written. */
static u32 pkru_of(u32 rights)
{
	u32 pkru = (rights ^ 3) * 0x55555555U;

	if (runs_on(CPU_BOCHS))
		pkru &= ~2U;
	return (pkru & ~(3U << 2 * KEY)) | rights << 2 * KEY;
}

#define SETTINGS 128 /* WP, SMEP, SMAP, NXE, PKE, and KEY's two bits of PKRU */

/* Setting n; false if the CPU has no such or it equals another. */
static bool setting(u32 n, struct regs *r)
{
	u32 rights = n / 32;

	*r = (struct regs){ .wp = n & 1,
			    .smep = n & 2,
			    .smap = n & 4,
			    .nxe = n & 8,
			    .pke = n & 16,
			    .pkru = pkru_of(rights) };
	if ((r->smep && !cpu->smep) || (r->smap && !cpu->smap) || (r->nxe && !cpu->nx) ||
	    (r->pke && !cpu->pku))
		return false;
	/* PKRU cannot be written without PKE; outside long mode it counts for nothing */
	return rights == 0 || (r->pke && (mode->long_mode || rights == 3));
}

/* Where A and D of the leaf take turns: those of setting s, which must not hang on one register. */
static bool turn_has(u64 e, u32 s)
{
	u64 turn = (s ^ s / 4 ^ s / 16) * PTE_A;

	return (e & (PTE_A | PTE_D)) == (turn & (PTE_A | PTE_D));
}

/*
 * An orthogonal array of strength 3 over 32 factors of one bit: factor i of row n is the parity of
 * the bits that n shares with a column of odd weight, and any three different columns of odd weight
 * are linearly independent.
 */
#define ROWS 64

static u32 factors(u32 n)
{
	u32 out = 0, i = 0;

	for (u32 column = 1; column < ROWS; column++)
		if (__builtin_parity(column))
			out |= (u32)__builtin_parity(column & n) << i++;
	return out;
}

/* The setting of a row: its lowest factors; without keys if it would have keys without PKE. */
static bool setting_of(u32 row, struct regs *r)
{
	return setting(factors(row) % SETTINGS, r) || setting(factors(row) % 16, r);
}

/* --- parts ------------------------------------------------------------------------------------ */

static void part_leaf(u32 leaf_level)
{
	struct bits bits = bits_of(leaf_level, leaf_level);
	u64 e[LEVELS_MAX];
	struct regs r;

	benign_entries(e, leaf_level);
	for (u32 s = 0; s < SETTINGS; s++) {
		if (!setting(s, &r))
			continue;
		begin(&r, leaf_level, s % 8 == 7);
		for (u32 n = 0; n < combinations(&bits); n++) {
			e[leaf_level - 1] = combine(&bits, n);
			if (combination_counts(&bits, n, s))
				try_kinds(e);
		}
	}
}

/* All ordered pairs of these accesses, as neighbours in one sequence that begins at the entries. */
static void try_pairs(const u64 e[LEVELS_MAX], const u32 kind[], u32 nr)
{
	if (batch_nr + nr * nr + 1 > BATCH)
		flush();
	for (u32 i = 0; i < nr; i++) {
		try(e, kind[i] | (i > 0 ? KIND_KEEP : 0));
		for (u32 j = i + 1; j < nr; j++) {
			try(e, kind[i] | KIND_KEEP);
			try(e, kind[j] | KIND_KEEP);
		}
	}
	try(e, kind[0] | KIND_KEEP);
}

static void part_pairs(u32 leaf_level)
{
	struct bits leaf = bits_of(leaf_level, leaf_level);
	u64 e[LEVELS_MAX], *entry = &e[leaf_level - 1], reserved;
	u32 kind[KIND_NR], nr;
	struct regs r;

	benign_entries(e, leaf_level);
	for (u32 s = 0; s < SETTINGS; s++) {
		if (!setting(s, &r))
			continue;
		begin(&r, leaf_level, false);
		reserved = model_reserved(cpu, mode, &r, leaf_level, true);
		nr = kinds_of(&r, kind);
		for (u32 n = 0; n < combinations(&leaf); n++) {
			*entry = combine(&leaf, n);
			if ((*entry & PTE_P) && !(*entry & reserved) && turn_has(*entry, s))
				try_pairs(e, kind, nr);
		}
	}
}

/* All bits of an upper entry above this leaf. */
static void try_upper(const struct bits *bits, u64 leaf, u32 turn)
{
	u64 e[LEVELS_MAX];

	benign_entries(e, batch_leaf);
	e[batch_leaf - 1] = leaf;
	for (u32 n = 0; n < combinations(bits); n++) {
		e[bits->level - 1] = combine(bits, n);
		if (combination_counts(bits, n, turn))
			try_kinds(e);
	}
}

static void part_upper(u32 level, u32 leaf_level)
{
	struct bits leaf = bits_of(leaf_level, leaf_level), upper = bits_of(level, leaf_level);
	struct regs r;

	for (u32 row = 0; row < ROWS; row++) {
		if (!setting_of(row, &r))
			continue;
		begin(&r, leaf_level, row % 8 == 7);
		try_upper(&upper,
			  combine(&leaf, factors(row) / SETTINGS % combinations(&leaf)) | PTE_P,
			  row);
	}
}

/* Leaves with all rights and keys; A and D take turns. */
static void part_upper_full(u32 level, u32 leaf_level)
{
	struct bits leaf = bits_of(leaf_level, leaf_level), upper = bits_of(level, leaf_level);
	u64 reserved = model_reserved(cpu, mode, &with_nx, leaf_level, true);
	struct regs r;

	for (u32 s = 0; s < SETTINGS; s++) {
		if (!setting(s, &r))
			continue;
		begin(&r, leaf_level, s % 8 == 7);
		for (u32 n = 0; n < combinations(&leaf); n++) {
			u64 e = combine(&leaf, n);

			if ((e & PTE_P) && !(e & reserved) && turn_has(e, s))
				try_upper(&upper, e, s);
		}
	}
}

/* Sets W, U, A and NX of all levels from the factors. */
static void set_rights(u64 e[LEVELS_MAX], u64 f)
{
	for (u32 level = batch_leaf; level <= mode->levels; level++) {
		u64 *entry = &e[level - 1];

		if (is_pdpte(level))
			continue;
		*entry &= ~(PTE_W | PTE_U | PTE_A);
		*entry |= (f & 1 ? PTE_W : 0) | (f & 2 ? PTE_U : 0) | (f & 4 ? PTE_A : 0);
		if ((f & 8) && mode->entry_size == 8 && batch_regs.nxe)
			*entry |= PTE_NX;
		f >>= 4;
	}
}

static void part_rights(u32 leaf_level)
{
	u64 e[LEVELS_MAX];
	struct regs r;

	for (u32 row = 0; row < ROWS; row++) {
		if (!setting_of(row, &r))
			continue;
		begin(&r, leaf_level, row % 8 == 7);
		benign_entries(e, leaf_level);
		set_rights(e, factors(row) / SETTINGS);
		try_kinds(e);
	}
}

/* So many of the combinations under each setting, others each time. */
static void part_rights_full(u32 leaf_level)
{
	u64 all = BIT(4 * (mode->levels - leaf_level + 1)), step = MAX(all / RIGHTS, 1) | 1;
	u64 e[LEVELS_MAX];
	struct regs r;

	for (u32 s = 0; s < SETTINGS; s++) {
		if (!setting(s, &r))
			continue;
		begin(&r, leaf_level, s % 8 == 7);
		for (u64 n = s % step; n < all; n += step) {
			benign_entries(e, leaf_level);
			set_rights(e, n);
			try_kinds(e);
		}
	}
}

static void part_single(u32 level, u32 leaf_level)
{
	struct bits tried = bits_of(level, leaf_level);
	u64 known = combine(&tried, combinations(&tried) - 1), e[LEVELS_MAX], benign;
	struct regs r;

	/* address bits are no flags */
	known |= MASK(cpu->maxphyaddr - 1, 12) | PTE_PS;
	if (level == leaf_level && level > 1) /* bits 20:13 of 4 MiB pages are */
		known &= mode->entry_size == 8 ? ~MASK(12 + 9 * (level - 1) - 1, 12)
					       : ~(BIT(12) | BIT(21));
	benign_entries(e, leaf_level);
	benign = e[level - 1];
	for (u32 s = 0; s < 32; s += 5) {
		if (!setting(s, &r))
			continue;
		begin(&r, leaf_level, false);
		for (u32 bit = 1; bit < mode->entry_size * 8U; bit++) {
			e[level - 1] = benign | BIT(bit);
			if (!(known & BIT(bit)))
				try_kinds(e);
		}
	}
}

/* PDPTEs of PAE paging, each with a load of CR3. */
static void part_pdpte(u32 leaf_level)
{
	/* the last remains for other parts */
	static const u64 flags[] = { 0, ~PTE_P, MASK(11, 9) | PTE_P, MASK(4, 3) | PTE_P, PTE_P };
	u64 e[LEVELS_MAX];
	struct regs r;

	for (u32 s = 0; s < 32; s += 3) {
		if (!setting(s, &r))
			continue;
		begin(&r, leaf_level, true);
		benign_entries(e, leaf_level);
		for (u32 i = 0; i < ARRAY_SIZE(flags); i++) {
			e[2] = base_entry(3, leaf_level) | flags[i];
			try_kinds(e);
		}
	}
}

/* 4 MiB pages where no memory is: only bits 39:32 of their address, in 20:13, tell it. */
static void part_far(void)
{
	u64 e[LEVELS_MAX];
	struct regs r;

	for (u32 s = 0; s < 16; s += 3) {
		if (!setting(s, &r))
			continue;
		begin(&r, 2, false);
		for (u32 bit = 13; bit <= 20; bit++) {
			benign_entries(e, 2);
			e[1] |= BIT(bit);
			try(e, KIND_USER | OP_READ)->elsewhere = 1;
			try(e, KIND_USER | OP_WRITE)->elsewhere = 1;
		}
	}
}

static void plan_upper(u32 level, u32 leaf_level)
{
	if (is_pdpte(level)) {
		part_pdpte(leaf_level);
		return;
	}
	part_single(level, leaf_level);
	if (full)
		part_upper_full(level, leaf_level);
	else
		part_upper(level, leaf_level);
}

/* One size of page. */
static void plan_leaf(u32 leaf_level)
{
	part_leaf(leaf_level);
	if (leaf_level < 3 || full)
		part_pairs(leaf_level);
	part_single(leaf_level, leaf_level);
	if (full)
		part_rights_full(leaf_level);
	else
		part_rights(leaf_level);
	for (u32 level = leaf_level + 1; level <= mode->levels; level++)
		plan_upper(level, leaf_level);
}

void plan(const struct cpu *c, const struct mode *m, bool all)
{
	cpu = c;
	mode = m;
	full = all;
	for (u32 level = 1; level <= m->levels; level++)
		if (model_has_leaf(cpu, m, level))
			plan_leaf(level);
	if (m->cr4 & CR4_PSE)
		part_far();
	flush();
}
