/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the table of CPUID leaves from the host's and the policy below. A feature that is not named
 * here does not exist for the guest.
 * Source: AMD APM 3 "Obtaining Processor Information Via the CPUID Instruction"; Intel SDM 2A
 * "CPUID".
 */
#include "vm/cpuid.h"

#include <string.h>

#include "lib/bits.h"

#include "arch/regs.h"

enum {
	EAX,
	EBX,
	ECX,
	EDX,
};

/*
 * Bits of one output register: those the guest gets if the host has them, and those it always gets.
 */
struct feature_mask {
	u32 leaf;
	u8 sub, reg;
	u32 host, always;
};

/* Bit number n; lists of them read better than masks. */
#define B(n) BIT32(n)

/*
 * What leaves 1 and 0x80000001 of AMD share in EDX: FPU VME DE PSE TSC MSR PAE MCE CX8, MTRR PGE
 * MCA CMOV PAT PSE36, MMX FXSR.
 */
#define COMMON_EDX                                                                               \
	(B(0) | B(1) | B(2) | B(3) | B(4) | B(5) | B(6) | B(8) | B(13) | B(15) | B(17) | B(23) | \
	 B(24))
/* MCE APIC MTRR MCA PAT */
#define COMMON_EDX_ALWAYS (B(7) | B(9) | B(12) | B(14) | B(16))

/*
 * SSE3 PCLMUL SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND; x2APIC,
 * TSC deadline, hypervisor
 */
#define LEAF_1_ECX                                                                            \
	(B(0) | B(1) | B(9) | B(12) | B(13) | B(17) | B(19) | B(20) | B(22) | B(23) | B(25) | \
	 B(26) | B(28) | B(29) | B(30))
#define LEAF_1_ECX_ALWAYS (B(21) | B(24) | B(31))
/* SEP CLFSH SSE SSE2 */
#define LEAF_1_EDX        (COMMON_EDX | B(11) | B(19) | B(25) | B(26))
/* The local APIC timer does not stop. */
#define LEAF_6_EAX_ALWAYS B(2)
/*
 * FSGSBASE BMI1 AVX2 FDP_EXCPTN SMEP BMI2 ERMS INVPCID FDP_FCS AVX512F/DQ RDSEED ADX SMAP IFMA
 * CLFLUSHOPT CLWB AVX512CD SHA AVX512BW/VL; TSC_ADJUST
 */
#define LEAF_7_EBX                                                                                \
	(B(0) | B(3) | B(5) | B(6) | B(7) | B(8) | B(9) | B(10) | B(13) | B(16) | B(17) | B(18) | \
	 B(19) | B(20) | B(21) | B(23) | B(24) | B(28) | B(29) | B(30) | B(31))
#define LEAF_7_EBX_ALWAYS B(1)
/* VBMI UMIP PKU VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG VPOPCNTDQ LA57 RDPID */
#define LEAF_7_ECX \
	(B(1) | B(2) | B(3) | B(6) | B(8) | B(9) | B(10) | B(11) | B(12) | B(14) | B(16) | B(22))
/* FSRM, MD_CLEAR */
#define LEAF_7_EDX   (B(4) | B(10))
/* AVX-VNNI AVX512-BF16 fast short REP MOVSB/STOSB/CMPSB AVX-IFMA */
#define LEAF_7_1_EAX (B(4) | B(5) | B(10) | B(11) | B(12) | B(23))
/* XSAVEOPT XSAVEC XGETBV1 XSAVES */
#define LEAF_D_1_EAX (B(0) | B(1) | B(2) | B(3))
/* LAHF CR8_LEGACY ABM SSE4A MISALIGNSSE PREFETCH XOP FMA4 TBM TOPOEXT */
#define LEAF_81_ECX  (B(0) | B(4) | B(5) | B(6) | B(7) | B(8) | B(11) | B(16) | B(21) | B(22))
/* SYSCALL NX MMXEXT FFXSR 1G RDTSCP LM 3DNOW */
#define LEAF_81_EDX \
	(COMMON_EDX | B(11) | B(20) | B(22) | B(25) | B(26) | B(27) | B(29) | B(30) | B(31))
/* Invariant TSC: our own clock stands on it as well. */
#define LEAF_87_EDX_ALWAYS B(8)
/* CLZERO XSAVEERPTR WBNOINVD IBPB */
#define LEAF_88_EBX        (B(0) | B(2) | B(9) | B(12))
/* LFENCE serialises, null selector clears base */
#define LEAF_821_EAX       (B(2) | B(6))

static const struct feature_mask masks[] = {
	{ 1, 0, ECX, LEAF_1_ECX, LEAF_1_ECX_ALWAYS },
	{ 1, 0, EDX, LEAF_1_EDX, COMMON_EDX_ALWAYS },
	{ 6, 0, EAX, 0, LEAF_6_EAX_ALWAYS },
	{ 7, 0, EBX, LEAF_7_EBX, LEAF_7_EBX_ALWAYS },
	{ 7, 0, ECX, LEAF_7_ECX, 0 },
	{ 7, 0, EDX, LEAF_7_EDX, 0 },
	{ 7, 1, EAX, LEAF_7_1_EAX, 0 },
	{ 0xd, 1, EAX, LEAF_D_1_EAX, 0 },
	{ 0x80000001, 0, ECX, LEAF_81_ECX, 0 },
	{ 0x80000001, 0, EDX, LEAF_81_EDX, 0 },
	{ 0x80000007, 0, EDX, 0, LEAF_87_EDX_ALWAYS },
	{ 0x80000008, 0, EBX, LEAF_88_EBX, 0 },
	{ 0x80000021, 0, EAX, LEAF_821_EAX, 0 },
};

/* x87, SSE, AVX, AVX-512 and PKRU: what fits the vCPU's save area of one page. */
#define XCR0_POLICY (B(0) | B(1) | B(2) | B(5) | B(6) | B(7) | B(9))

struct build {
	struct cpuid_table *t;
	const struct cpuid_source *src;
	u32 ext_max;
};

static struct cpuid_regs host(const struct build *b, u32 leaf, u32 sub)
{
	return b->src->host(leaf, sub);
}

static u32 *reg_of(struct cpuid_regs *r, u8 reg)
{
	u32 *const p[] = { &r->eax, &r->ebx, &r->ecx, &r->edx };

	return p[reg];
}

/* Only what the table of masks allows. */
static struct cpuid_regs masked(const struct build *b, u32 leaf, u32 sub)
{
	struct cpuid_regs in = host(b, leaf, sub), out = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		const struct feature_mask *m = &masks[i];

		if (m->leaf == leaf && m->sub == sub)
			*reg_of(&out, m->reg) = (*reg_of(&in, m->reg) & m->host) | m->always;
	}
	return out;
}

/* Sub-leaves of a leaf are added one after the other. */
static void add(struct build *b, u32 leaf, struct cpuid_regs r, u32 fix)
{
	struct cpuid_table *t = b->t;
	struct cpuid_range *range = &t->range[cpuid_slot(leaf)];

	if (t->nr == CPUID_ENTRIES)
		return;
	if (range->nr++ == 0)
		range->first = (u8)t->nr;
	t->entry[t->nr++] = (struct cpuid_entry){ .r = r, .fix = fix };
}

/* Bits that number nr things. */
static u32 id_bits(u32 nr)
{
	return nr <= 1 ? 0 : bit_highest(nr - 1) + 1;
}

static bool host_is_intel(const struct build *b)
{
	return host(b, 0, 0).ebx == 0x756e6547; /* "Genu" */
}

static void build_features(struct build *b)
{
	struct cpuid_regs r = masked(b, 1, 0), in = host(b, 1, 0);
	u32 nr = b->src->nr_vcpus;

	r.eax = in.eax;
	r.ebx = (in.ebx & 0xffff) | nr << 16; /* CLFLUSH size, brand; logical processors */
	if (nr > 1)
		r.edx |= B(28); /* HTT: the number above counts */
	add(b, 1, r, FIX_FEATURES);
}

/* Leaf 4 and 0x8000001d: caches up to level 2 are private, the last one is shared by all. */
static void build_caches(struct build *b, u32 leaf)
{
	u32 nr = b->src->nr_vcpus;

	for (u32 sub = 0; sub < 5; sub++) {
		struct cpuid_regs r = host(b, leaf, sub);
		u32 level = r.eax >> 5 & 7, sharing = level >= 3 ? nr - 1 : 0;

		if (!(r.eax & 0x1f))
			break;
		r.eax = (r.eax & 0x3fff) | sharing << 14;
		if (leaf == 4)
			r.eax |= MIN(nr - 1, 63U) << 26;
		add(b, leaf, r, FIX_NONE);
	}
	if (b->t->nr < CPUID_ENTRIES)
		add(b, leaf, (struct cpuid_regs){ 0 }, FIX_NONE); /* no more caches */
}

/* One thread to a core, all cores in one package. */
static void build_topology(struct build *b)
{
	u32 nr = b->src->nr_vcpus;
	struct cpuid_regs smt = { .eax = 0, .ebx = 1, .ecx = 1 << 8 };
	struct cpuid_regs core = { .eax = id_bits(nr), .ebx = nr, .ecx = 2 << 8 | 1 };

	add(b, 0xb, smt, FIX_X2APIC_ID);
	add(b, 0xb, core, FIX_X2APIC_ID);
}

static void build_xsave(struct build *b)
{
	struct guest_caps *c = &b->t->caps;
	struct cpuid_regs r = host(b, 0xd, 0);

	c->xcr0_valid = c->xsave ? r.eax & XCR0_POLICY : 0;
	/* AVX-512's three parts and AVX come only together and on top of each other. */
	if ((c->xcr0_valid & (B(5) | B(6) | B(7))) != (B(5) | B(6) | B(7)) ||
	    !(c->xcr0_valid & B(2)))
		c->xcr0_valid &= ~(u64)(B(5) | B(6) | B(7));
	c->xsave_size = 512;
	if (!c->xsave)
		return;
	c->xsave_size = 512 + 64;
	for (u32 i = 2; i < 32; i++) {
		struct cpuid_regs part = host(b, 0xd, i);

		if (c->xcr0_valid & B(i))
			c->xsave_size = MAX(c->xsave_size, part.ebx + part.eax);
	}
	r = (struct cpuid_regs){ .eax = (u32)c->xcr0_valid, .ecx = c->xsave_size };
	add(b, 0xd, r, FIX_XSAVE);
	add(b, 0xd, masked(b, 0xd, 1), FIX_XSAVE);
	for (u32 i = 2; i <= bit_highest(c->xcr0_valid); i++) {
		struct cpuid_regs none = { 0 };

		add(b, 0xd, c->xcr0_valid & B(i) ? host(b, 0xd, i) : none, FIX_NONE);
	}
}

static void build_basic(struct build *b)
{
	struct cpuid_regs r = host(b, 0, 0);

	r.eax = CPUID_BASIC_MAX;
	add(b, 0, r, FIX_NONE);
	build_features(b);
	if (host_is_intel(b)) {
		add(b, 2, host(b, 2, 0), FIX_NONE);
		build_caches(b, 4);
	}
	add(b, 6, masked(b, 6, 0), FIX_NONE);
	r = masked(b, 7, 0);
	r.eax = 1;
	add(b, 7, r, FIX_OSPKE);
	add(b, 7, host(b, 7, 0).eax ? masked(b, 7, 1) : (struct cpuid_regs){ 0 }, FIX_NONE);
	build_topology(b);
	/* Leaves 0x15 and 0x16 (TSC and core frequency) stay out: Linux derives the APIC timer's
	 * frequency from the crystal's there, and we have none. */
}

/* Source: "Hypervisor CPUID Interface Proposal" as VMware and its successors use it. */
static void build_hypervisor(struct build *b)
{
	struct cpuid_regs r = { .eax = CPUID_HYP_MAX };
	static const char name[12] = "UmbraUmbra";

	memcpy(&r.ebx, name, 4);
	memcpy(&r.ecx, name + 4, 4);
	memcpy(&r.edx, name + 8, 4);
	add(b, CPUID_HYP_BASE, r, FIX_NONE);
	r = (struct cpuid_regs){ .eax = b->src->tsc_khz, .ebx = b->src->apic_khz };
	add(b, CPUID_HYP_MAX, r, FIX_NONE);
}

static void build_ext_features(struct build *b)
{
	struct cpuid_regs r = masked(b, 0x80000001, 0), in = host(b, 0x80000001, 0);
	bool amd = b->t->caps.amd;

	r.eax = in.eax;
	r.ebx = in.ebx;
	if (!amd)
		r.edx &= ~COMMON_EDX;
	else
		r.edx |= COMMON_EDX_ALWAYS;
	if (amd && b->src->nr_vcpus > 1)
		r.ecx |= B(1); /* CMP_LEGACY: HTT counts cores, not threads */
	add(b, 0x80000001, r, amd ? FIX_EXT_APIC : FIX_NONE);
}

static void build_sizes(struct build *b)
{
	struct cpuid_regs r = masked(b, 0x80000008, 0);
	u32 nr = b->src->nr_vcpus;

	r.eax = host(b, 0x80000008, 0).eax & 0xffff;
	b->t->caps.maxphyaddr = (u8)r.eax;
	if (b->t->caps.amd)
		r.ecx = (nr - 1) | id_bits(nr) << 12;
	add(b, 0x80000008, r, FIX_NONE);
}

static void build_ext(struct build *b)
{
	struct cpuid_regs r = host(b, CPUID_EXT_BASE, 0);

	b->ext_max = MAX(MIN(r.eax, (u32)CPUID_EXT_MAX), 0x80000008U);
	r.eax = b->ext_max;
	add(b, CPUID_EXT_BASE, r, FIX_NONE);
	build_ext_features(b);
	for (u32 leaf = 0x80000002; leaf <= 0x80000006; leaf++) /* brand string, caches, TLBs */
		add(b, leaf, host(b, leaf, 0), FIX_NONE);
	add(b, 0x80000007, masked(b, 0x80000007, 0), FIX_NONE);
	build_sizes(b);
	if (b->ext_max >= 0x8000001a) {
		add(b, 0x80000019, host(b, 0x80000019, 0), FIX_NONE);
		add(b, 0x8000001a, host(b, 0x8000001a, 0), FIX_NONE);
	}
	if (b->ext_max >= 0x8000001e && (host(b, 0x80000001, 0).ecx & B(22))) {
		build_caches(b, 0x8000001d);
		add(b, 0x8000001e, (struct cpuid_regs){ 0 }, FIX_EXT_ID);
	}
	if (b->ext_max >= 0x80000021)
		add(b, 0x80000021, masked(b, 0x80000021, 0), FIX_NONE);
}

static bool has(const struct cpuid_table *t, u32 leaf, u8 reg, u32 bit)
{
	struct cpuid_regs r = cpuid_lookup(t, leaf, 0);

	return *reg_of(&r, reg) & B(bit);
}

/* Features without which the guest cannot set the register bits. */
static void build_caps(struct cpuid_table *t)
{
	static const struct {
		u32 leaf;
		u8 reg, bit;
		u64 cr4, efer;
	} need[] = {
		{ 1, EDX, 1, CR4_VME | CR4_PVI, 0 },
		{ 1, EDX, 2, CR4_DE, 0 },
		{ 1, EDX, 3, CR4_PSE, 0 },
		{ 1, EDX, 4, CR4_TSD, 0 },
		{ 1, EDX, 6, CR4_PAE, 0 },
		{ 1, EDX, 7, CR4_MCE, 0 },
		{ 1, EDX, 13, CR4_PGE, 0 },
		{ 1, EDX, 24, CR4_OSFXSR, 0 },
		{ 1, EDX, 25, CR4_OSXMMEXCPT, 0 },
		{ 1, ECX, 17, CR4_PCIDE, 0 },
		{ 1, ECX, 26, CR4_OSXSAVE, 0 },
		{ 7, EBX, 0, CR4_FSGSBASE, 0 },
		{ 7, EBX, 7, CR4_SMEP, 0 },
		{ 7, EBX, 20, CR4_SMAP, 0 },
		{ 7, ECX, 2, CR4_UMIP, 0 },
		{ 7, ECX, 3, CR4_PKE, 0 },
		{ 7, ECX, 16, CR4_LA57, 0 },
		{ 0x80000001, EDX, 11, 0, EFER_SCE },
		{ 0x80000001, EDX, 20, 0, EFER_NXE },
		{ 0x80000001, EDX, 25, 0, EFER_FFXSR },
		{ 0x80000001, EDX, 29, 0, EFER_LME | EFER_LMA },
	};
	struct guest_caps *c = &t->caps;

	c->cr4_valid = CR4_PCE;
	for (size_t i = 0; i < ARRAY_SIZE(need); i++) {
		if (!has(t, need[i].leaf, need[i].reg, need[i].bit))
			continue;
		c->cr4_valid |= need[i].cr4;
		c->efer_valid |= need[i].efer;
	}
	c->nx = c->efer_valid & EFER_NXE;
	c->has_1g = has(t, 0x80000001, EDX, 26);
	c->pse36 = has(t, 1, EDX, 17);
	c->tsc_aux = has(t, 0x80000001, EDX, 27) || has(t, 7, ECX, 22);
	c->ibpb = has(t, 0x80000008, EBX, 12);
	c->xsaves = cpuid_lookup(t, 0xd, 1).eax & B(3);
}

void cpuid_build(struct cpuid_table *t, const struct cpuid_source *src)
{
	struct build b = { .t = t, .src = src };

	memset(t, 0, sizeof(*t));
	t->caps.amd = !host_is_intel(&b);
	t->caps.xsave = host(&b, 1, 0).ecx & B(26);
	build_basic(&b);
	build_xsave(&b);
	build_hypervisor(&b);
	build_ext(&b);
	build_caps(t);
}

struct cpuid_regs cpuid_lookup(const struct cpuid_table *t, u32 leaf, u32 sub)
{
	const struct cpuid_entry *e = cpuid_find(t, leaf, sub);
	struct cpuid_regs none = { 0 };

	return e ? e->r : none;
}

u32 cpuid_signature(const struct cpuid_table *t)
{
	return cpuid_lookup(t, 1, 0).eax;
}
