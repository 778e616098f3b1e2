/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources: Intel SDM 3A "Paging" ("32-Bit Paging", "PAE Paging", "4-Level Paging and 5-Level
 * Paging", "Access Rights", "Page-Fault Exceptions", "Accessed and Dirty Flags"); AMD APM 2 "Page
 * Translation and Protection".
 */
#include "mmu_ref.h"

#include <string.h>

int ref_level_bits = 9;

struct ctx {
	const struct mmu_regs *r;
	struct ref_access a;
	uint64_t (*read)(uint64_t gpa, int size);
	struct ref_out *out;
	bool all_w, all_u, any_nx;
};

static int bit(uint64_t v, int n)
{
	return (int)(v >> n & 1);
}

static bool any_bit(uint64_t v, int hi, int lo)
{
	for (int n = lo; n <= hi; n++)
		if (bit(v, n))
			return true;
	return false;
}

/* Error code bits: 0 P, 1 W/R, 2 U/S, 3 RSVD, 4 I/D, 5 PK. */
static void page_fault(struct ctx *c, bool p, bool rsvd, bool pk)
{
	uint32_t error = 0;
	bool nx_on = bit(c->r->cr4, 5) && bit(c->r->efer, 11);

	if (p)
		error |= 1;
	if (c->a.write)
		error |= 2;
	if (c->a.user)
		error |= 4;
	if (rsvd)
		error |= 8;
	if (c->a.fetch && (nx_on || bit(c->r->cr4, 20)))
		error |= 16;
	if (pk)
		error |= 32;
	c->out->ok = false;
	c->out->error = error;
	c->out->nr_updates = 0;
}

static void note(struct ctx *c, uint64_t gpa, uint64_t entry, int size, bool leaf)
{
	uint64_t value = entry | 1u << 5;

	if (leaf && c->a.write)
		value |= 1u << 6;
	if (value != entry)
		c->out->update[c->out->nr_updates++] = (struct ref_update){ gpa, value, size };
}

static void inherit(struct ctx *c, uint64_t entry, bool wide)
{
	if (!bit(entry, 1))
		c->all_w = false;
	if (!bit(entry, 2))
		c->all_u = false;
	if (wide && bit(entry, 63))
		c->any_nx = true;
}

static bool allowed_user(const struct ctx *c)
{
	if (!c->all_u)
		return false;
	if (c->a.fetch)
		return !c->any_nx;
	if (c->a.write)
		return c->all_w;
	return true;
}

static bool allowed_supervisor(const struct ctx *c)
{
	bool wp = bit(c->r->cr0, 16), smep = bit(c->r->cr4, 20), smap = bit(c->r->cr4, 21);
	bool ac = bit(c->r->rflags, 18);

	if (c->a.fetch) {
		if (c->any_nx)
			return false;
		return !(c->all_u && smep);
	}
	if (c->all_u && smap) {
		if (c->a.implicit)
			return false;
		if (!ac)
			return false;
	}
	if (c->a.write && wp && !c->all_w)
		return false;
	return true;
}

static bool key_forbids(const struct ctx *c, uint64_t leaf)
{
	int key = (int)(leaf >> 59) & 15;
	bool ad = bit(c->r->pkru, 2 * key), wd = bit(c->r->pkru, 2 * key + 1);

	if (!bit(c->r->cr4, 22) || !c->all_u || c->a.fetch)
		return false;
	if (ad)
		return true;
	if (!wd || !c->a.write)
		return false;
	return c->a.user || bit(c->r->cr0, 16);
}

static void finish(struct ctx *c, uint64_t leaf, uint64_t base, uint64_t size, uint64_t gva,
		   bool keys)
{
	bool pk = keys && key_forbids(c, leaf);

	if (!(c->a.user ? allowed_user(c) : allowed_supervisor(c)) || pk) {
		page_fault(c, true, false, pk);
		return;
	}
	c->out->ok = true;
	c->out->page_size = size;
	c->out->gpa = base + gva % size;
}

static void paging_32(struct ctx *c, uint64_t gva)
{
	bool pse = bit(c->r->cr4, 4);
	int shift = 12 + ref_level_bits + 1; /* 22 */
	uint64_t last = (2u << ref_level_bits) - 1;
	uint64_t pde_gpa = (c->r->cr3 & 0xfffff000) + (gva >> shift & last) * 4;
	uint64_t pde = c->read(pde_gpa, 4), pte_gpa, pte;

	if (!bit(pde, 0)) {
		page_fault(c, false, false, false);
		return;
	}
	inherit(c, pde, false);
	if (pse && bit(pde, 7)) {
		int width = c->r->maxphyaddr < 40 ? c->r->maxphyaddr : 40;
		uint64_t size = 1u << shift, base = pde / size * size;

		/* Bit 21 is reserved; 20:13 give address bits 39:32 as far as there are such. */
		if (bit(pde, shift - 1) ||
		    any_bit(pde, shift - 2, c->r->has_pse36 ? 13 + (width - 32) : 13)) {
			page_fault(c, true, true, false);
			return;
		}
		for (int n = 13; n <= shift - 2; n++)
			base += (uint64_t)bit(pde, n) << (n - 13 + 32);
		note(c, pde_gpa, pde, 4, true);
		finish(c, pde, base, size, gva, false);
		return;
	}
	note(c, pde_gpa, pde, 4, false);
	pte_gpa = (pde & 0xfffff000) + (gva >> 12 & last) * 4;
	pte = c->read(pte_gpa, 4);
	if (!bit(pte, 0)) {
		page_fault(c, false, false, false);
		return;
	}
	inherit(c, pte, false);
	note(c, pte_gpa, pte, 4, true);
	finish(c, pte, pte & 0xfffff000, 4096, gva, false);
}

/* The two or three lowest levels of 64-bit entries are the same in PAE and long mode but for the
 * high bits. */
static void paging_64(struct ctx *c, uint64_t gva, uint64_t table, int level, bool pae)
{
	bool nx_on = bit(c->r->efer, 11);

	for (;; level--) {
		int shift = 12 + ref_level_bits * (level - 1);
		uint64_t index = gva >> shift & ((1u << ref_level_bits) - 1);
		uint64_t gpa = table + index * 8, e = c->read(gpa, 8);
		bool leaf = level == 1 || (level <= 3 && bit(e, 7));
		bool rsvd;

		if (!bit(e, 0)) {
			page_fault(c, false, false, false);
			return;
		}
		rsvd = any_bit(e, pae ? 62 : 51, c->r->maxphyaddr);
		rsvd |= bit(e, 63) && !nx_on;
		rsvd |= level >= 4 && bit(e, 7);
		rsvd |= level == 3 && bit(e, 7) && !c->r->has_1g;
		/* 29:13 and 20:13 */
		rsvd |= level > 1 && leaf && any_bit(e, shift - 1, 13);
		if (rsvd) {
			page_fault(c, true, true, false);
			return;
		}
		inherit(c, e, true);
		note(c, gpa, e, 8, leaf);
		table = e & 0x000ffffffffff000;
		if (leaf) {
			uint64_t size = 1ULL << shift;

			finish(c, e, table / size * size, size, gva, !pae);
			return;
		}
	}
}

static void paging_pae(struct ctx *c, uint64_t gva)
{
	int i = (int)(gva >> (12 + 2 * ref_level_bits) & 3); /* 31:30 */
	uint64_t pdpte = c->r->pdpte_latched
				 ? c->r->pdpte[i]
				 : c->read((c->r->cr3 & 0xffffffe0) + (uint64_t)i * 8, 8);

	if (!bit(pdpte, 0)) {
		page_fault(c, false, false, false);
		return;
	}
	/* What reads them at each walk marks them as accessed. */
	if (any_bit(pdpte, 2, 1) || any_bit(pdpte, 8, c->r->pdpte_latched ? 5 : 6) ||
	    any_bit(pdpte, 63, c->r->maxphyaddr)) {
		page_fault(c, true, true, false);
		return;
	}
	paging_64(c, gva, pdpte & 0x000ffffffffff000, 2, true);
}

void ref_translate(const struct mmu_regs *r, uint64_t gva, struct ref_access a,
		   uint64_t (*read)(uint64_t gpa, int size), struct ref_out *out)
{
	struct ctx c = { r, a, read, out, true, true, false };

	memset(out, 0, sizeof(*out));
	if (!bit(r->cr0, 31)) {
		out->ok = true;
		out->gpa = gva & 0xffffffff;
	} else if (!bit(r->cr4, 5)) {
		paging_32(&c, gva);
	} else if (!bit(r->efer, 10)) {
		paging_pae(&c, gva);
	} else {
		paging_64(&c, gva, r->cr3 & 0x000ffffffffff000, bit(r->cr4, 12) ? 5 : 4, false);
	}
}
