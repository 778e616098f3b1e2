/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge; its rules are at the head of sim.h. The reference walker is run once for each choice
 * of versions of the words that it reads: its read function hands out one of them, and counts like
 * an odometer from run to run.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "tests/host/mmu_ref.h"

#define READS    5
#define MAX_RUNS 4000

/* One word that a walk reads. */
struct read {
	u64 gpa;
	u64 from, to; /* the version was there in [from, to) */
	bool current, a, d, p, fixed;
	u64 value;
};

static struct {
	u64 since;
	u32 nr;             /* reads of this run */
	u32 choice[READS];  /* which version, newest first */
	u32 choices[READS]; /* how many there were */
	struct read read[READS];
	bool doubt; /* something is not known */
} en;

/*
 * Version c has A, or got it while it was there: a processor may have read the entry, and what is
 * below it, before it set A. Versions of the other half of a word are equal in between.
 */
static bool accessed(const struct sim_past *past, u32 c)
{
	u64 was = past->value[c];

	while (c && past->value[c] == was)
		c--;
	return (was & A_) || (past->value[c] | D_) == (was | A_ | D_);
}

static uint64_t give(uint64_t gpa, int size)
{
	static struct sim_past past;
	struct read *r;
	u32 c;

	if (en.nr == READS)
		sim_fail("the reference walker reads too much");
	r = &en.read[en.nr];
	sim_past(gpa, (u8)size, en.since, &past);
	en.doubt |= past.lost || sim_is_wild(gpa);
	c = MIN(en.choice[en.nr], past.nr - 1);
	en.choices[en.nr++] = past.nr;
	*r = (struct read){
		.gpa = gpa,
		.from = past.from[c],
		.to = past.to[c],
		.current = c == 0,
		.value = past.value[c],
		.p = past.value[c] & P_,
		.a = accessed(&past, c),
		.d = past.value[c] & D_,
		.fixed = !sim_slot_of(gpa >> PAGE_SHIFT) ||
			 sim_slot_of(gpa >> PAGE_SHIFT)->kind != SLOT_RAM,
	};
	return r->value;
}

static bool next_choice(void)
{
	for (u32 i = en.nr; i-- > 0;) {
		if (en.choice[i] + 1 < en.choices[i]) {
			en.choice[i]++;
			memset(&en.choice[i + 1], 0, sizeof(en.choice[0]) * (READS - 1 - i));
			return true;
		}
	}
	return false;
}

static struct ref_access to_ref(const struct sim_access *a)
{
	return (struct ref_access){
		.write = a->access & MMU_W,
		.fetch = a->access & MMU_X,
		.user = a->access & MMU_U,
		.implicit = a->access & MMU_IMPLICIT,
	};
}

static struct mmu_regs regs_of(const struct sim_vcpu *v, const struct sim_access *a)
{
	struct mmu_regs r = v->regs;

	r.pkru = a->pkru;
	r.rflags = a->ac ? RFLAGS_AC : 0;
	return r;
}

static void run(const struct sim_vcpu *v, const struct sim_access *a, u64 since,
		struct ref_out *out)
{
	struct mmu_regs r = regs_of(v, a);

	en.nr = 0;
	en.since = since;
	ref_translate(&r, a->gva, to_ref(a), give, out);
}

void sim_explain(const struct sim_vcpu *v, const struct sim_access *a)
{
	u64 gpa;
	bool ok = sim_reference(v, a, &gpa);

	sim_log("cr0 %#llx cr3 %#llx cr4 %#llx efer %#llx pkru %#x ac %u",
		(unsigned long long)v->regs.cr0, (unsigned long long)v->regs.cr3,
		(unsigned long long)v->regs.cr4, (unsigned long long)v->regs.efer, a->pkru, a->ac);
	sim_log("walk now: %s %#llx, time %llu, flushed all %llu, space %llu, non-global %llu",
		ok ? "gpa" : "fault", (unsigned long long)gpa, (unsigned long long)sim.now,
		(unsigned long long)v->arch.all,
		(unsigned long long)v->arch.space[sim_pcid(&v->regs)],
		(unsigned long long)v->arch.nonglobal);
	for (u32 i = 0; i < en.nr; i++) {
		struct sim_past past;

		sim_past(en.read[i].gpa, sim_pte_size(sim_mode_of(&v->regs)), 0, &past);
		for (u32 k = 0; k < past.nr; k++)
			sim_log("  %#llx: %#llx from %llu", (unsigned long long)en.read[i].gpa,
				(unsigned long long)past.value[k],
				(unsigned long long)past.from[k]);
	}
}

bool sim_reference(const struct sim_vcpu *v, const struct sim_access *a, u64 *gpa)
{
	struct ref_out out;

	memset(&en, 0, sizeof(en));
	run(v, a, sim.now, &out);
	*gpa = out.ok ? out.gpa : out.error;
	return out.ok;
}

u64 sim_reference_entry(u32 up)
{
	return up < en.nr ? en.read[en.nr - 1 - up].gpa : ~0ULL;
}

/* --- times ------------------------------------------------------------------------------------ */

/* The entries can be read in this order between lo and hi (not included). */
static bool fits(u64 lo, u64 hi)
{
	u64 t = lo;

	for (u32 i = 0; i < en.nr; i++) {
		t = MAX(t, en.read[i].from);
		if (t >= MIN(en.read[i].to, hi))
			return false;
	}
	return true;
}

static bool concerns(const struct sim_inval *i, u32 pcid, bool global)
{
	return i->time && (global ? i->global : i->pcid == pcid);
}

/* The first moment at which something could be cached that is still there. */
static u64 horizon(const struct sim_vcpu *v, u64 gva, u64 size, bool global)
{
	const struct sim_arch *a = &v->arch;
	u32 pcid = sim_pcid(&v->regs);
	u64 since = a->all;

	if (!global)
		since = MAX(since, MAX(a->nonglobal, a->space[pcid]));
	for (u32 k = 0; k < SIM_INVALS; k++) {
		const struct sim_inval *i = &a->inval[k];
		u64 page = i->large ? size : PAGE_SIZE;

		if (concerns(i, pcid, global) && i->gva / page == gva / page)
			since = MAX(since, i->time);
	}
	return since;
}

/* Some order of reading has no flush of the paging-structure caches inside. */
static bool fits_between_flushes(const struct sim_vcpu *v, u64 since)
{
	const struct sim_arch *a = &v->arch;
	u32 pcid = sim_pcid(&v->regs);
	u64 lo = since;

	for (u32 k = 0; k < SIM_INVALS; k++) {
		const struct sim_inval *i = &a->inval[(a->next + k) % SIM_INVALS];

		if (!i->time || !i->psc || i->pcid != pcid || i->time <= lo)
			continue;
		if (fits(lo, i->time))
			return true;
		lo = i->time;
	}
	return fits(lo, sim.now + 1);
}

/* Every entry is one that a processor would have kept, or just read and marked. */
static bool marked(bool write)
{
	for (u32 i = 0; i < en.nr; i++) {
		const struct read *r = &en.read[i];

		if (r->fixed)
			continue;
		if (!r->p || !r->a)
			return false;
		if (write && i == en.nr - 1 && !r->d)
			return false;
	}
	return true;
}

static bool possible(const struct sim_vcpu *v, const struct sim_access *a,
		     const struct ref_out *out)
{
	bool global = en.nr && (v->regs.cr4 & CR4_PGE) && (en.read[en.nr - 1].value & G_);

	if (en.nr == 0)
		return true; /* no paging */
	return marked(a->access & MMU_W) &&
	       fits_between_flushes(v, horizon(v, a->gva, out->page_size, global));
}

/* --- verdicts --------------------------------------------------------------------------------- */

bool sim_legal_ok(const struct sim_vcpu *v, const struct sim_access *a, u64 gpa)
{
	u64 since = v->arch.all;
	struct ref_out out;
	u32 runs = 0;

	memset(&en, 0, sizeof(en));
	sim.checked++;
	do {
		run(v, a, since, &out);
		if (out.ok && out.gpa == gpa && possible(v, a, &out))
			return true;
	} while (++runs < MAX_RUNS && next_choice());
	if (!en.doubt && runs < MAX_RUNS)
		return false;
	sim.doubtful++;
	return true;
}

bool sim_legal_fault(const struct sim_vcpu *v, const struct sim_access *a, u32 error, u64 begin)
{
	struct ref_out out;
	u32 runs = 0;

	memset(&en, 0, sizeof(en));
	sim.checked++;
	do {
		run(v, a, begin, &out);
		if (!out.ok && out.error == error && fits(begin, sim.now + 1))
			return true;
	} while (++runs < MAX_RUNS && next_choice());
	if (!en.doubt && runs < MAX_RUNS)
		return false;
	sim.doubtful++;
	return true;
}
