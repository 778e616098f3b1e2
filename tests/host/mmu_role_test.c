/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c shell/mmu_text.c vm/regs.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* Roles: what they hold, what they leave out, and what follows from them, for every mode. */

#include "mmu_sim.h"

#include "arch/regs.h"
#include "mmu/caps.h"
#include "mmu/gfmt.h"
#include "mmu/shadow/root.h"
#include "mmu/spte.h"
#include "shell/mmu_text.h"
#include "vm/regs.h"

#define ALL (MMU_R | MMU_W | MMU_U | MMU_X)

/* Every combination of the bits that roles are made of. */
#define NR_STATES (1U << 11)

static struct mmu_regs state_nr(u32 n)
{
	struct mmu_regs r = { .maxphyaddr = 40, .has_nx = true, .has_1g = true };

	r.cr0 = (n & 1 ? CR0_PG : 0) | (n & 2 ? CR0_PE : 0) | (n & 4 ? CR0_WP : 0);
	r.cr4 = (n & 8 ? CR4_PAE : 0) | (n & 16 ? CR4_PSE : 0) | (n & 32 ? CR4_LA57 : 0) |
		(n & 64 ? CR4_SMEP : 0) | (n & 128 ? CR4_SMAP : 0) | (n & 256 ? CR4_PKE : 0);
	r.efer = (n & 512 ? EFER_LME : 0) | (n & 1024 ? EFER_NXE : 0);
	if ((n & 512) && (n & 1))
		r.efer |= EFER_LMA;
	return r;
}

static bool valid(const struct mmu_regs *r)
{
	const char *why = "not set";
	bool ok = regs_valid(r, &why);

	assert_int_equal(ok, why == NULL);
	return ok;
}

#define CR0_MODE  (CR0_PG | CR0_WP)
#define CR4_MODE  (CR4_PAE | CR4_PSE | CR4_LA57 | CR4_SMEP | CR4_SMAP | CR4_PKE)
#define EFER_MODE (EFER_LMA | EFER_NXE)

/* Calls fn for every legal state; there are many. */
static u32 each_state(void (*fn)(const struct mmu_regs *r))
{
	u32 nr = 0;

	for (u32 n = 0; n < NR_STATES; n++) {
		struct mmu_regs r = state_nr(n);

		if (!valid(&r))
			continue;
		fn(&r);
		nr++;
	}
	assert_true(nr > 1000);
	return nr;
}

/* --- validity (S1.1, S1.2, S1.5) -------------------------------------------------------------- */

static void valid_role(const struct mmu_regs *r)
{
	static const union cpu_role zeroed;

	for (u32 caps = 0; caps < MMU_CAPS_NR; caps++) {
		union cpu_role role = role_cpu(r, caps);

		assert_int_equal(role.valid, 1);
		assert_int_not_equal(role.word, zeroed.word);
		assert_int_not_equal(role.page.word, 0);
	}
}

static void a_role_is_never_zero(void **state)
{
	(void)state;
	each_state(valid_role);
}

/* Bits of three registers share one word, and each has its name. */
_Static_assert(!(CR0_MODE & CR4_MODE) && !(CR0_MODE & EFER_MODE) && !(CR4_MODE & EFER_MODE),
	       "no two have one place");

static void bits_of_mode(const struct mmu_regs *r)
{
	union cpu_role role = role_cpu(r, 0);

	assert_int_equal(role.mode,
			 1 | (r->cr0 & CR0_MODE) | (r->cr4 & CR4_MODE) | (r->efer & EFER_MODE));
	assert_int_equal(role.mode, role_mode(r));
	assert_int_equal(role.pg, !!(r->cr0 & CR0_PG));
	assert_int_equal(role.wp, !!(r->cr0 & CR0_WP));
	assert_int_equal(role.pae, !!(r->cr4 & CR4_PAE));
	assert_int_equal(role.pse, !!(r->cr4 & CR4_PSE));
	assert_int_equal(role.la57, !!(r->cr4 & CR4_LA57));
	assert_int_equal(role.smep, !!(r->cr4 & CR4_SMEP));
	assert_int_equal(role.smap, !!(r->cr4 & CR4_SMAP));
	assert_int_equal(role.pke, !!(r->cr4 & CR4_PKE));
	assert_int_equal(role.lma, !!(r->efer & EFER_LMA));
	assert_int_equal(role.nxe, !!(r->efer & EFER_NXE));
}

static void the_mode_has_the_bits_of_the_registers(void **state)
{
	(void)state;
	each_state(bits_of_mode);
}

static void level_of_mode(const struct mmu_regs *r)
{
	union page_role page = role_cpu(r, 0).page;
	bool pg = r->cr0 & CR0_PG, pae = r->cr4 & CR4_PAE, lma = r->efer & EFER_LMA;

	if (!pg) {
		/* Level 0 is a mode like any other, so it can mean nothing else. */
		assert_int_equal(page.level, 0);
		assert_int_equal(page.fmt, ROLE_LIN);
		assert_int_equal(page.direct, 1);
		assert_int_equal(page.nx | page.wp | page.smep_nwp | page.emul_nwp, 0);
	} else if (lma) {
		assert_int_equal(page.level, r->cr4 & CR4_LA57 ? 5 : 4);
		assert_int_equal(page.fmt, ROLE_LM);
	} else if (pae) {
		assert_int_equal(page.level, 3);
		assert_int_equal(page.fmt, ROLE_PAE);
	} else {
		assert_int_equal(page.level, 2);
		assert_int_equal(page.fmt, r->cr4 & CR4_PSE ? ROLE_32_PSE : ROLE_32);
	}
	assert_int_equal(page.direct, !pg);
	assert_int_equal(page.split | page.quadrant | page.pkey | page.nested | page.as_id, 0);
	assert_int_equal(page.access, ALL);
	assert_int_equal(page.caps, 0);
	assert_int_equal(role_cpu(r, 9).page.caps, 9);
}

static void level_and_format_follow_the_mode(void **state)
{
	(void)state;
	each_state(level_of_mode);
}

/* --- capabilities (S1.4) ---------------------------------------------------------------------- */

static void other_caps_other_role(const struct mmu_regs *r)
{
	for (u32 a = 0; a < MMU_CAPS_NR; a++)
		for (u32 b = 0; b < MMU_CAPS_NR; b++)
			assert_int_equal(role_cpu(r, a).page.word == role_cpu(r, b).page.word,
					 a == b);
}

static void other_caps_make_every_role_another(void **state)
{
	(void)state;
	each_state(other_caps_other_role);
}

static void caps_reach_every_table(void **state)
{
	struct mmu_regs r = { .cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE };
	union page_role a = role_cpu(&r, 3).page, b = role_cpu(&r, 4).page;

	(void)state;
	while (a.level > 1) {
		assert_int_not_equal(role_split_child(a, ALL, 0, false).word,
				     role_split_child(b, ALL, 0, false).word);
		a = role_indirect_child(a, 0, ALL);
		b = role_indirect_child(b, 0, ALL);
		assert_int_not_equal(a.word, b.word);
	}
}

/* --- what the page part leaves out, and what it must not (S1.7) ------------------------------- */

#define SEEN_MAX 512

static struct {
	u32 role;
	struct mmu_regs regs;
} seen[SEEN_MAX];

static u32 nr_seen;

/* A state with that page role. */
static const struct mmu_regs *same_role(u32 word, const struct mmu_regs *r)
{
	for (u32 i = 0; i < nr_seen; i++)
		if (seen[i].role == word)
			return &seen[i].regs;
	assert_true(nr_seen < SEEN_MAX);
	seen[nr_seen].role = word;
	seen[nr_seen++].regs = *r;
	return r;
}

static struct mmu_vm vm;

#define TABLES 0x100 /* first frame of the guest's tables, one for each level */

static u8 *guest(u64 gpa)
{
	return env_sim.mem + SIM_RAM + gpa;
}

/* Tables for address 0 below CR3; the entry at level has these flags, the others all rights. */
static void build(struct mmu_regs *r, const struct gfmt *f, u32 at, u64 flags)
{
	r->cr3 = (u64)TABLES << 12;
	for (u32 level = f->top; level > 0; level--) {
		u64 next = (u64)(TABLES + f->top - level + 1) << 12;
		u64 e = next | (level == at ? flags : GPTE_P | GPTE_W | GPTE_U | GPTE_A);

		if (f->pdpt && level == 3)
			e = next | GPTE_P;
		if (level == at && (flags & GPTE_PS))
			e &= ~MASK(29, 13);
		memcpy(guest(r->cr3 + ((u64)(f->top - level) << 12)), &e, f->entry_size);
	}
}

/* The flags of an entry that n stands for: 2^12 of them with 8-byte entries. */
static u64 flags_nr(u32 n)
{
	return (n & 0x1ff) | (n & 0x200 ? GPTE_NX : 0) | (n & 0x400 ? BIT(51) : 0) |
	       (n & 0x800 ? BIT(12) : 0);
}

/* What a shadow of the entries would hold: there or not, which frame, which rights. Rules that
 * hardware applies to the shadow itself (SMEP, SMAP, keys with CR0.WP set) are left out. */
static struct mmu_walk look(const struct mmu_regs *regs)
{
	struct mmu_regs r = *regs;
	struct mmu_walk w;

	r.rflags = RFLAGS_AC;
	mmu_walk(&vm, &r, GVA(0), MMU_R | MMU_NO_AD, &w);
	return w;
}

static const struct gfmt *format(const struct mmu_regs *r)
{
	static const struct gfmt *const f[ROLE_FMT_NR] = {
		[ROLE_32] = &gfmt_32,
		[ROLE_32_PSE] = &gfmt_32_pse,
		[ROLE_PAE] = &gfmt_pae,
		[ROLE_LM] = &gfmt_4,
	};
	union page_role page = role_cpu(r, 0).page;

	return page.level == 5 ? &gfmt_5 : f[page.fmt];
}

static void compare_walks(struct mmu_regs a, struct mmu_regs b)
{
	const struct gfmt *f = format(&a);

	assert_ptr_equal(f, format(&b));
	for (u32 at = 1; at <= f->top; at++) {
		for (u32 n = 0; n < (f->wide ? 1U << 12 : 1U << 9); n++) {
			struct mmu_walk x, y;

			build(&a, f, at, flags_nr(n));
			b.cr3 = a.cr3;
			x = look(&a);
			y = look(&b);
			assert_int_equal(x.ok, y.ok);
			assert_int_equal(x.level, y.level);
			assert_int_equal(x.ok ? x.gpa.v : x.fault.error,
					 x.ok ? y.gpa.v : y.fault.error);
			assert_int_equal(x.access, y.access);
			assert_memory_equal(x.access_in, y.access_in, sizeof(x.access_in));
		}
	}
}

static void compare_with_the_first(const struct mmu_regs *r)
{
	union page_role page = role_cpu(r, 0).page;
	const struct mmu_regs *first = same_role(page.word, r);

	if (first != r && page.fmt != ROLE_LIN)
		compare_walks(*first, *r);
}

static void start_guest(void)
{
	sim_start(SPTE_NPT, 64, 1);
	sim_vm(&vm, 1, 60);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 0x1000, SIM_RAM >> 12), 0);
	assert_int_equal(mmu_prebuild(&vm), 0);
	nr_seen = 0;
}

/* Only modes in which a shadow would come out differently differ in the page role, ... */
static void equal_roles_read_tables_alike(void **state)
{
	(void)state;
	start_guest();
	each_state(compare_with_the_first);
	mmu_vm_fini(&vm);
}

static u32 page_word(u64 cr0, u64 cr4, u64 efer)
{
	struct mmu_regs r = { .cr0 = CR0_PE | cr0, .cr4 = cr4, .efer = efer };

	assert_true(valid(&r));
	return role_cpu(&r, 0).page.word;
}

/* ... and what makes no difference is not in it. */
static void needless_bits_stay_out_of_the_page_role(void **state)
{
	const u64 lm = EFER_LME | EFER_LMA, on = CR0_PG | CR0_WP;

	(void)state;
	/* With CR0.WP hardware applies these to the shadow itself. */
	assert_int_equal(page_word(on, CR4_PAE | CR4_SMEP, lm), page_word(on, CR4_PAE, lm));
	assert_int_equal(page_word(on, CR4_PAE | CR4_SMAP, lm), page_word(on, CR4_PAE, lm));
	assert_int_equal(page_word(on, CR4_PAE | CR4_PKE, lm), page_word(on, CR4_PAE, lm));
	assert_int_not_equal(page_word(CR0_PG, CR4_PAE | CR4_SMEP, lm),
			     page_word(CR0_PG, CR4_PAE, lm));
	assert_int_not_equal(page_word(CR0_PG, CR4_PAE | CR4_SMAP, lm),
			     page_word(CR0_PG, CR4_PAE, lm));
	assert_int_equal(page_word(CR0_PG, CR4_PAE | CR4_SMAP, lm),
			 page_word(CR0_PG, CR4_PAE | CR4_PKE, lm));
	/* Keys are of long mode. */
	assert_int_equal(page_word(CR0_PG, CR4_PAE | CR4_PKE, 0), page_word(CR0_PG, CR4_PAE, 0));
	/* PSE matters to 32-bit paging, NX to 8-byte entries, LA57 to long mode. */
	assert_int_equal(page_word(on, CR4_PAE | CR4_PSE, 0), page_word(on, CR4_PAE, 0));
	assert_int_not_equal(page_word(on, CR4_PSE, 0), page_word(on, 0, 0));
	assert_int_equal(page_word(on, 0, EFER_NXE), page_word(on, 0, 0));
	assert_int_not_equal(page_word(on, CR4_PAE, EFER_NXE), page_word(on, CR4_PAE, 0));
	assert_int_equal(page_word(on, CR4_PAE | CR4_LA57, 0), page_word(on, CR4_PAE, 0));
	assert_int_equal(page_word(on, CR4_PAE | CR4_PGE, 0), page_word(on, CR4_PAE, 0));
	/* Without paging nothing matters. */
	assert_int_equal(page_word(0, CR4_PAE | CR4_SMEP | CR4_PSE, EFER_LME | EFER_NXE),
			 page_word(CR0_WP, 0, 0));
}

/* The mode as a whole tells more apart: it decides what software has to look at. */
static void the_mode_keeps_what_the_page_role_leaves_out(void **state)
{
	static const u64 cr4[] = { CR4_SMEP, CR4_SMAP, CR4_PKE, CR4_PSE, CR4_LA57 };
	struct mmu_regs a = { .cr0 = CR0_PE | CR0_PG | CR0_WP, .cr4 = CR4_PAE };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cr4); i++) {
		struct mmu_regs b = a;

		b.cr4 |= cr4[i];
		assert_int_equal(role_cpu(&a, 0).page.word, role_cpu(&b, 0).page.word);
		assert_int_not_equal(role_cpu(&a, 0).word, role_cpu(&b, 0).word);
	}
}

/* --- legal states (S1.11) --------------------------------------------------------------------- */

struct regs_case {
	u64 cr0, cr3, cr4, efer;
	bool legal;
};

#define LM (EFER_LME | EFER_LMA)
#define ON (CR0_PE | CR0_PG)

static const struct regs_case regs_cases[] = {
	{ 0, 0, 0, 0, true }, /* real mode */
	{ CR0_PE, 0, 0, 0, true },
	{ CR0_PE, 0, CR4_PAE, EFER_LME, true }, /* on the way to long mode */
	{ CR0_PE, 0, 0, EFER_LME, true },
	{ ON, 0, 0, 0, true },
	{ ON, 0, CR4_PAE, 0, true },
	{ ON, 0, CR4_PAE, LM, true },
	{ ON, 0, CR4_PAE | CR4_LA57, LM, true },
	{ CR0_PG, 0, 0, 0, false }, /* paging without protection */
	{ CR0_PG, 0, CR4_PAE, LM, false },
	{ CR0_PE, 0, CR4_PAE, LM, false },       /* LMA without PG */
	{ CR0_PE, 0, CR4_PAE, EFER_LMA, false }, /* LMA without LME */
	{ ON, 0, CR4_PAE, EFER_LMA, false },
	{ ON, 0, CR4_PAE, EFER_LME, false }, /* LME and PG without LMA */
	{ ON, 0, 0, LM, false },             /* LMA without PAE */
	{ ON, 0, CR4_PSE, LM, false },
	{ CR0_NW, 0, 0, 0, false }, /* write-back with caching off */
	{ CR0_CD, 0, 0, 0, true },
	{ CR0_CD | CR0_NW, 0, 0, 0, true },
	{ ON, 0, CR4_PCIDE | CR4_PAE, 0, false }, /* PCIDs outside long mode */
	{ CR0_PE, 0, CR4_PCIDE, 0, false },
	{ ON, 0xfff, CR4_PCIDE | CR4_PAE, LM, true },
	{ ON, 0, CR4_LA57, 0, true }, /* without effect */
	{ 0, 0, CR4_LA57, 0, true },
	{ ON, 0, CR4_LA57 | CR4_PAE, 0, true },
	{ ON, BIT(51), CR4_PAE, LM, true },
	{ ON, BIT(52), CR4_PAE, LM, false },
	{ ON, BIT(63), CR4_PAE, LM, false }, /* "no flush" belongs to the instruction */
	{ ON, BIT(63), CR4_PAE, 0, true },   /* 32-bit CR3: the rest is not looked at */
	{ BIT(32), 0, 0, 0, false },
	{ BIT(63), 0, 0, 0, false },
	{ 0, 0, BIT(32), 0, false },
	{ ON, 0, CR4_CET | CR4_PAE, 0, false },
	{ ON | CR0_WP, 0, CR4_CET | CR4_PAE, 0, true },
};

static void inconsistent_registers_are_refused(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(regs_cases); i++) {
		const struct regs_case *c = &regs_cases[i];
		struct mmu_regs r = {
			.cr0 = c->cr0,
			.cr3 = c->cr3,
			.cr4 = c->cr4,
			.efer = c->efer,
		};

		if (valid(&r) != c->legal)
			fail_msg("case %u", i);
	}
}

/* The role is of the snapshot alone, and of what it says about paging alone. */
static void a_role_is_of_a_snapshot(const struct mmu_regs *regs)
{
	struct mmu_regs r = *regs;
	u64 role = role_cpu(&r, 5).word;

	r.cr3 = ~0ULL;
	r.rflags = ~0ULL;
	r.pkru = ~0U;
	r.cpl = 3;
	r.maxphyaddr = 36;
	r.has_nx = r.has_1g = r.has_pse36 = true;
	memset(r.pdpte, 0xff, sizeof(r.pdpte));
	r.cr0 |= CR0_TS | CR0_NE | CR0_CD;
	r.cr4 |= CR4_OSXSAVE | CR4_PGE | CR4_PCIDE | CR4_TSD;
	r.efer |= EFER_SCE;
	assert_int_equal(role_cpu(&r, 5).word, role);
}

static void other_registers_do_not_matter(void **state)
{
	(void)state;
	each_state(a_role_is_of_a_snapshot);
}

/* --- plans (S2.3, S2.7) ----------------------------------------------------------------------- */

static union page_role at_level(union page_role role, u32 level)
{
	role.level = level & 7;
	return role;
}

static void check_plan(union cpu_role role, u32 present)
{
	struct root_plan p = root_plan(role, present);
	union page_role page = role.page;
	bool pae32 = page.fmt != ROLE_LM;

	assert_int_equal(p.kind, pae32 ? SRK_PAE32 : SRK_SP);
	assert_int_equal(p.hw_level, pae32 ? 3 : page.level);
	for (u32 i = 0; i < 4; i++) {
		union page_role want = at_level(page, pae32 ? 2 : page.level);

		if (page.fmt == ROLE_32 || page.fmt == ROLE_32_PSE)
			want.quadrant = i & 3;
		if (i >= (pae32 ? 4 : 1) || (page.fmt == ROLE_PAE && !(present >> i & 1)))
			want.word = 0;
		assert_int_equal(p.child[i].word, want.word);
	}
}

static void plans_of_mode(const struct mmu_regs *r)
{
	for (u32 caps = 0; caps < MMU_CAPS_NR; caps += 5)
		for (u32 present = 0; present < 16; present++)
			check_plan(role_cpu(r, caps), present);
}

static void every_mode_has_its_plan(void **state)
{
	(void)state;
	each_state(plans_of_mode);
}

/* A table that is a root here and a child there has one role: nothing in it says "root". */
static void roots_and_children_are_the_same_tables(void **state)
{
	struct mmu_regs five = { .cr0 = ON, .cr4 = CR4_PAE | CR4_LA57, .efer = LM };
	struct mmu_regs four = five;
	struct root_plan p5, p4;

	(void)state;
	four.cr4 = CR4_PAE;
	p5 = root_plan(role_cpu(&five, 2), 0);
	p4 = root_plan(role_cpu(&four, 2), 0);
	assert_int_equal(role_indirect_child(p5.child[0], 511, ALL).word, p4.child[0].word);
	/* Below, both trees go on with the same tables. */
	assert_int_equal(role_indirect_child(p4.child[0], 0, ALL).word,
			 at_level(p4.child[0], 3).word);
}

/* A level-3 table of long mode and the four tables of a PAE root in one frame: no role is shared,
 * and PAE has none at level 3. */
static void pae_has_no_table_at_level_3(const struct mmu_regs *r)
{
	struct root_plan p = root_plan(role_cpu(r, 0), 15);

	for (u32 i = 0; i < 4; i++) {
		if (!p.child[i].word)
			assert_true(i > 0 && r->efer & EFER_LMA);
		else if (r->efer & EFER_LMA)
			assert_int_equal(p.child[i].fmt, ROLE_LM);
		else
			assert_true(p.child[i].fmt != ROLE_LM && p.child[i].level == 2);
	}
}

static void pae_tables_are_never_tables_of_long_mode(void **state)
{
	(void)state;
	each_state(pae_has_no_table_at_level_3);
}

/* --- children --------------------------------------------------------------------------------- */

static void walk_down(union page_role role)
{
	bool four_byte = role.fmt == ROLE_32 || role.fmt == ROLE_32_PSE;

	while (role.level > 1) {
		union page_role even = role_indirect_child(role, 6, MMU_R | MMU_U);
		union page_role odd = role_indirect_child(role, 7, ALL);
		union page_role want = at_level(role, role.level - 1u);

		want.quadrant = 0;
		want.access = MMU_R | MMU_U;
		assert_int_equal(even.word, want.word);
		want.access = ALL;
		want.quadrant = four_byte ? 1 : 0;
		assert_int_equal(odd.word, want.word);
		role = odd;
	}
}

static void children_of_mode(const struct mmu_regs *r)
{
	struct root_plan p = root_plan(role_cpu(r, 7), 15);

	for (u32 i = 0; i < 4; i++)
		if (p.child[i].word && !p.child[i].direct)
			walk_down(p.child[i]);
}

static void children_inherit_the_rules_only(void **state)
{
	union page_role parent = { .level = 4, .fmt = ROLE_LM, .passthru = 1, .pkey = 5 };

	(void)state;
	each_state(children_of_mode);
	assert_int_equal(role_indirect_child(parent, 0, ALL).passthru, 0);
	assert_int_equal(role_indirect_child(parent, 0, ALL).pkey, 0);
	parent.ad_off = parent.nested = parent.mbec = 1;
	parent.as_id = 2;
	assert_int_equal(role_indirect_child(parent, 0, ALL).ad_off, 1);
	assert_int_equal(role_indirect_child(parent, 0, ALL).nested, 1);
	assert_int_equal(role_indirect_child(parent, 0, ALL).mbec, 1);
	assert_int_equal(role_indirect_child(parent, 0, ALL).as_id, 2);
}

static void a_table_for_a_large_leaf_is_no_other_table(const struct mmu_regs *r)
{
	union page_role role = role_cpu(r, 7).page, s;

	if (role.fmt == ROLE_LIN || role.level < 2)
		return;
	role = at_level(role, 2);
	s = role_split_child(role, MMU_R | MMU_X, 11, false);
	assert_int_equal(s.level, 1);
	assert_int_equal(s.fmt, ROLE_LIN);
	assert_int_equal(s.direct, 1);
	assert_int_equal(s.split, 1);
	assert_int_equal(s.access, MMU_R | MMU_X);
	assert_int_equal(s.pkey, 11);
	assert_int_equal(s.nx | s.quadrant | s.passthru | s.ad_off, 0);
	assert_int_equal(s.wp, role.wp);
	assert_int_equal(s.smep_nwp, role.smep_nwp);
	assert_int_equal(s.emul_nwp, role.emul_nwp);
	assert_int_equal(s.caps, 7);
	/* Never equal to a table of the guest's at the same frame. */
	for (u32 access = 0; access < 16; access++)
		assert_int_not_equal(s.word, role_indirect_child(role, 0, access).word);
	/* A table below a split one is one too. */
	role = role_split_child(at_level(role, 3), ALL, 3, false);
	assert_int_equal(role_split_child(role, ALL, 3, false).split, 1);
	assert_int_equal(role_split_child(role, ALL, 3, false).level, 1);
}

static void splits_have_roles_of_their_own(void **state)
{
	struct mmu_regs r = { .cr0 = CR0_PE };
	union page_role lin, child;

	(void)state;
	each_state(a_table_for_a_large_leaf_is_no_other_table);
	/* Without paging there is no leaf to split: the tables map all memory. */
	lin = root_plan(role_cpu(&r, 3), 0).child[2];
	child = role_split_child(lin, ALL, 0, false);
	assert_int_equal(child.direct, 1);
	assert_int_equal(child.split, 0);
	assert_int_equal(child.level, 1);
	assert_int_equal(child.caps, 3);
	lin.nested = 1;
	lin.as_id = 1;
	assert_int_equal(role_split_child(lin, ALL, 0, false).nested, 1);
	assert_int_equal(role_split_child(lin, ALL, 0, false).as_id, 1);
}

/* --- sync (S2.8) ------------------------------------------------------------------------------ */

#define SYNC_COMPARE 1
#define SYNC_IGNORE  0

static const struct {
	const char *name;
	u32 width, compare;
} role_bits[] = {

#define X(name, width, sync) { #name, width, sync },
	MMU_ROLE_BITS(X)
#undef X
};

/* The decisions, once more and independent of the table: what the guest's mode determines. */
static bool must_match(const char *name)
{
	static const char *const same[] = { "fmt",    "nx",   "wp",    "smep_nwp", "emul_nwp",
					    "ad_off", "mbec", "as_id", "caps",     "nested" };

	for (u32 i = 0; i < ARRAY_SIZE(same); i++)
		if (!strcmp(same[i], name))
			return true;
	return false;
}

static void each_bit_has_its_verdict_in_sync(void **state)
{
	u32 bit = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(role_bits); i++) {
		assert_int_equal(role_bits[i].compare, must_match(role_bits[i].name));
		for (u32 n = 0; n < role_bits[i].width; n++, bit++) {
			for (u32 base = 0; base < 4; base++) {
				union page_role a = { .word = base * 0x55555555 }, b = a;

				b.word ^= 1U << bit;
				if (role_sync_equal(a, b) == (role_bits[i].compare != 0))
					fail_msg("%s", role_bits[i].name);
				assert_true(role_sync_equal(a, a));
			}
		}
	}
	/* All 32 bits are somebody's. */
	assert_int_equal(bit, 32);
}

/* A leaf table deep in the tree is synced by the mode that it was made for. */
static void a_mode_syncs_its_own_tables(const struct mmu_regs *r)
{
	union cpu_role role = role_cpu(r, 1);
	struct root_plan p = root_plan(role, 15);
	union page_role t;

	if (role.page.fmt == ROLE_LIN)
		return;
	for (t = p.child[p.child[3].word ? 3 : 0]; t.level > 1;)
		t = role_indirect_child(t, 1, MMU_R | MMU_U);
	assert_true(role_sync_equal(t, role.page));
	assert_false(role_sync_equal(t, role_cpu(r, 2).page));
}

static void leaf_tables_match_their_mode(void **state)
{
	(void)state;
	each_state(a_mode_syncs_its_own_tables);
}

/* --- hardware (S2.9) -------------------------------------------------------------------------- */

/* Format-shared bits, which the code relies on. */
_Static_assert(MMU_W == GPTE_W && MMU_U == GPTE_U, "rights stand where entries have them");
_Static_assert((SPTE_SOFT & MASK(51, 0)) == 0 && !(SPTE_SOFT & GPTE_NX), "soft bits are ignored");
_Static_assert(sizeof(union page_role) == sizeof(u32), "a role is compared as one word");
_Static_assert(sizeof(union cpu_role) == sizeof(u64), "so is a mode");
_Static_assert(offsetof(union cpu_role, page) == 0, "the page part is the low half");

static u64 with(struct hw_bits b, u64 v)
{
	assert_int_equal(b.set & b.clear, 0);
	return (v | b.set) & ~b.clear;
}

static void hardware_walks_what_we_built(const struct mmu_regs *guest_regs)
{
	union cpu_role role = role_cpu(guest_regs, 0);
	struct mmu_hw_regs hw = role_hw_regs(role);
	struct root_plan p = root_plan(role, 15);
	struct mmu_regs r = *guest_regs;
	u64 kept = CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_LA57;
	u32 level;

	r.cr0 = with(hw.cr0, r.cr0);
	r.cr4 = with(hw.cr4, r.cr4 | CR4_PGE);
	r.efer = with(hw.efer, r.efer);
	assert_true((r.cr0 & CR0_PG) && (r.cr0 & CR0_WP) && (r.cr4 & CR4_PAE));
	assert_true(r.efer & EFER_NXE);
	assert_int_equal(r.cr4 & (CR4_PGE | CR4_PCIDE), 0);
	level = !(r.efer & EFER_LME) ? 3 : r.cr4 & CR4_LA57 ? 5 : 4;
	assert_int_equal(level, p.hw_level);
	assert_int_equal(!!(r.efer & EFER_LMA), !!(r.efer & EFER_LME));
	/* The guest's own rules about users and supervisors, if it has paging at all. */
	if (guest_regs->cr0 & CR0_PG)
		assert_int_equal(r.cr4 & kept, guest_regs->cr4 & kept);
	else
		assert_int_equal(r.cr4 & (CR4_SMEP | CR4_SMAP | CR4_PKE), 0);
	/* A processor takes it; real mode with paging is a mode of VMRUN's own. */
	r.cr0 |= CR0_PE;
	assert_true(valid(&r));
}

static void hardware_runs_in_the_mode_of_the_shadow(void **state)
{
	(void)state;
	each_state(hardware_walks_what_we_built);
}

/* --- text ------------------------------------------------------------------------------------- */

static void text_names_what_is_set(void **state)
{
	struct mmu_regs r = { .cr0 = ON | CR0_WP, .cr4 = CR4_PAE, .efer = LM | EFER_NXE };
	union page_role role = role_cpu(&r, 2).page;
	char buf[128], small[6];
	int n = role_text(role, buf, sizeof(buf));

	(void)state;
	assert_int_equal(n, (int)strlen(buf));
	assert_string_equal(buf, "lm4 nx wp access=rwux caps=2");
	role_text(role_split_child(at_level(role, 2), MMU_R, 3, false), buf, sizeof(buf));
	assert_string_equal(buf, "lin1 direct split wp access=r--- caps=2 pkey=3");
	role = (union page_role){ .level = 1, .fmt = ROLE_32_PSE, .quadrant = 1, .access = MMU_U };
	role_text(role, buf, sizeof(buf));
	assert_string_equal(buf, "pse1 q1 access=--u- caps=0");
	assert_int_equal(role_text(role, small, sizeof(small)), (int)strlen(buf));
	assert_string_equal(small, "pse1 ");
	role_text((union page_role){ .word = ~0U }, buf, sizeof(buf));
	assert_string_equal(buf, "?7 q3 direct split nx wp smep!wp emul!wp noad nested passthru "
				 "mbec access=rwux caps=15 pkey=15");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_role_is_never_zero),
		cmocka_unit_test(the_mode_has_the_bits_of_the_registers),
		cmocka_unit_test(level_and_format_follow_the_mode),
		cmocka_unit_test(other_caps_make_every_role_another),
		cmocka_unit_test(caps_reach_every_table),
		cmocka_unit_test(equal_roles_read_tables_alike),
		cmocka_unit_test(needless_bits_stay_out_of_the_page_role),
		cmocka_unit_test(the_mode_keeps_what_the_page_role_leaves_out),
		cmocka_unit_test(inconsistent_registers_are_refused),
		cmocka_unit_test(other_registers_do_not_matter),
		cmocka_unit_test(every_mode_has_its_plan),
		cmocka_unit_test(roots_and_children_are_the_same_tables),
		cmocka_unit_test(pae_tables_are_never_tables_of_long_mode),
		cmocka_unit_test(children_inherit_the_rules_only),
		cmocka_unit_test(splits_have_roles_of_their_own),
		cmocka_unit_test(each_bit_has_its_verdict_in_sync),
		cmocka_unit_test(leaf_tables_match_their_mode),
		cmocka_unit_test(hardware_runs_in_the_mode_of_the_shadow),
		cmocka_unit_test(text_names_what_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
