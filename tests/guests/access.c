/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * access: every access through page tables ends as the manuals say.
 *
 * In each mode of paging (32-bit, with 4 MiB pages, PAE, four and five levels) an address is read,
 * written, executed, and read by the CPU for a segment load, at both privilege levels, with and
 * without EFLAGS.AC, through entries of all kinds and under all settings of CR0.WP, CR4.SMEP, SMAP
 * and PKE, EFER.NXE and PKRU. What comes of it is compared with a model: success, which must reach
 * the right frame, or #PF with its exact error code and CR2; accessed and dirty bits afterwards;
 * everything else in the entries and the frame untouched.
 *
 * access/plan.c says which combinations are tried: all of a leaf's bits with all registers, and a
 * choice that covers the entries above; "full" on the command line widens the choice. The name of a
 * mode picks that one. Where the emulator itself is known to be wrong, access/errata.c expects
 * that.
 *
 * Every failing rule names its first failing accesses. Sources: see access/model.c.
 */

#include "tests/guests/access/access.h"

#include <stdio.h>
#include <string.h>

#include "tests/guests/lib/guest.h"

#define REGS_NR  32 /* combinations of WP, SMEP, SMAP, NXE, PKE */
#define ERRATA   8
#define TOLD_MAX 3 /* failures that are told, of each combination */

static struct cpu cpu;
static const struct mode *mode;

static struct mode modes[] = {
	{ .name = "two_level", .levels = 2, .entry_size = 4 },
	{ .name = "pse", .levels = 2, .entry_size = 4, .cr4 = CR4_PSE },
	{ .name = "pae", .levels = 3, .entry_size = 8, .cr4 = CR4_PAE },
	{ .name = "four_level", .levels = 4, .entry_size = 8, .cr4 = CR4_PAE, .long_mode = true },
	{ .name = "five_level",
	  .levels = 5,
	  .entry_size = 8,
	  .cr4 = CR4_PAE | CR4_LA57,
	  .long_mode = true },
};

static void cpu_init(void)
{
	struct cpuid_regs one = cpuid(1, 0), seven = cpuid(7, 0), extended = cpuid(0x80000001, 0);

	cpu = (struct cpu){
		.maxphyaddr = (u8)cpuid(0x80000008, 0).eax,
		.pse = one.edx & BIT32(3),
		.pse36 = one.edx & BIT32(17),
		.pages_1g = extended.edx & BIT32(26),
		.nx = extended.edx & BIT32(20),
		.smep = seven.ebx & BIT32(7),
		.smap = seven.ebx & BIT32(20),
		.pku = seven.ecx & BIT32(3),
		.la57 = seven.ecx & BIT32(16),
	};
}

/* --- results ---------------------------------------------------------------------------------- */

static struct result {
	u32 tried, failed;
} results[REGS_NR];

static struct {
	const char *name;
	u32 nr;
} errata[ERRATA];

static struct attempt last_fault; /* that one of them ended by */

static u32 result_index(const struct regs *r)
{
	return r->wp * 1U | r->smep * 2U | r->smap * 4U | r->nxe * 8U | r->pke * 16U;
}

static void regs_text(u32 i, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s%s%s", i ? "" : ".none", i & 1 ? ".wp" : "",
		 i & 2 ? ".smep" : "", i & 4 ? ".smap" : "", i & 8 ? ".nxe" : "",
		 i & 16 ? ".pke" : "");
}

static void tell(const struct attempt *a, const struct outcome *o, const struct regs *r)
{
	static const char *const op[] = { "read", "write", "fetch", "LDT read" };
	char regs[64];

	regs_text(result_index(r), regs, sizeof(regs));
	say("# %s%s, PKRU 0x%x: %s at CPL %d, AC %d", mode->name, regs, r->pkru,
	    op[a->kind & OP_MASK], a->kind & KIND_USER ? 3 : 0, (a->kind & KIND_AC) != 0);
	if (a->kind & KIND_KEEP)
		say(" after %s at CPL %d", op[a[-1].kind & OP_MASK],
		    a[-1].kind & KIND_USER ? 3 : 0);
	say("; entries");
	for (u32 level = mode->levels; level > 0; level--)
		say(" 0x%llx", (unsigned long long)a->before[level - 1]);
	say("\n#   expected %s 0x%x, got end 0x%x error 0x%x CR2 0x%llx read 0x%x frame 0x%x; "
	    "entries",
	    o->fault ? "#PF" : "success", o->error, a->end, a->error, (unsigned long long)a->cr2,
	    a->read, a->frame);
	for (u32 level = mode->levels; level > 0; level--)
		say(" 0x%llx", (unsigned long long)a->after[level - 1]);
	say("\n");
}

static void count_erratum(const char *name)
{
	for (u32 i = 0; i < ERRATA; i++) {
		if (errata[i].name && errata[i].name != name)
			continue;
		errata[i].name = name;
		errata[i].nr++;
		return;
	}
	fatal("too many errata");
}

/* --- judgement -------------------------------------------------------------------------------- */

static bool entries_right(const struct attempt *a, const struct outcome *o)
{
	for (u32 i = 0; i < LEVELS_MAX; i++) {
		u64 set = a->after[i] & ~a->before[i];

		if ((a->before[i] & ~a->after[i]) || (set & ~(o->must[i] | o->may[i])) ||
		    (o->must[i] & ~a->after[i]))
			return false;
	}
	return true;
}

/* A page that lies elsewhere shows another word, and takes writes that the frame does not see. */
static bool frame_right(const struct attempt *a, const struct outcome *o)
{
	bool written = !o->fault && (a->kind & OP_MASK) == OP_WRITE && !a->elsewhere;

	return a->frame == (written ? WRITTEN : UNTOUCHED);
}

static bool end_right(const struct attempt *a, const struct outcome *o)
{
	u32 op = a->kind & OP_MASK;

	if (o->int_lost)
		return true; /* the erratum is known by its end */
	if (o->fault)
		return a->end == EXC_PF && a->error == o->error &&
		       a->cr2 == run_target_of(mode, a->kind);
	if (op == OP_FETCH)
		return a->end == END_FETCH;
	return a->end == END_DONE && (op != OP_READ || (a->read == UNTOUCHED) == !a->elsewhere);
}

static bool right(const struct attempt *a, const struct outcome *o)
{
	return end_right(a, o) && entries_right(a, o) && frame_right(a, o);
}

static void judge_one(const struct regs *r, const struct attempt *a)
{
	struct result *res = &results[result_index(r)];
	struct outcome o, here;
	const char *known;

	model(&cpu, mode, r, a, &o);
	res->tried++;
	if (right(a, &o))
		return;
	here = o;
	known = erratum(&cpu, mode, r, a, &last_fault, &here);
	if (known && right(a, &here))
		count_erratum(known);
	else if (res->failed++ < TOLD_MAX)
		tell(a, &o, r);
}

void judge(const struct regs *r, struct attempt list[], u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		struct attempt *a = &list[i];

		if (a->kind & KIND_KEEP)
			memcpy(a->before, a[-1].after, sizeof(a->before));
		judge_one(r, a);
		if (a->end == EXC_PF)
			last_fault = *a;
	}
}

static void report(void)
{
	char name[64], regs[48];
	u32 total = 0;

	for (u32 i = 0; i < REGS_NR; i++) {
		if (results[i].tried == 0)
			continue;
		regs_text(i, regs, sizeof(regs));
		snprintf(name, sizeof(name), "access.%s%s", mode->name, regs);
		check(results[i].failed == 0, name, "%u of %u accesses", results[i].failed,
		      results[i].tried);
		total += results[i].tried;
	}
	for (u32 i = 0; i < ERRATA && errata[i].name; i++) {
		char why[64];

		snprintf(name, sizeof(name), "access.%s.%s", mode->name, errata[i].name);
		snprintf(why, sizeof(why), "erratum: %s: %u accesses",
			 cpu_is_tcg() ? "QEMU TCG" : "Bochs", errata[i].nr);
		skip(name, why);
	}
	say("# %s: %u accesses\n", mode->name, total);
}

static void one_mode(struct mode *m, bool full)
{
	mode = m;
	memset(results, 0, sizeof(results));
	memset(errata, 0, sizeof(errata));
	tables_build(m);
	plan(&cpu, m, full);
	report();
}

void guest_main(void)
{
	const char *args = boot_args();
	bool picked = false;

	cpu_init();
	run_init();
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++)
		picked |= strstr(args, modes[i].name) != NULL;
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		if (picked && !strstr(args, modes[i].name))
			continue;
		if ((modes[i].cr4 & CR4_LA57) && !cpu.la57) {
			skip("access.five_level", "the CPU has no LA57");
			continue;
		}
		one_mode(&modes[i], strstr(args, "full") != NULL);
	}
}
