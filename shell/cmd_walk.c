/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmu walk: one translation, level by level in both dimensions. Each guest entry lies at a
 * guest-physical address, which the nested tables translate in turn:
 *
 *	guest   4 511  gpa of the entry, the entry, its flags
 *	 nested 4   0  hpa of the entry, the entry, its meaning
 *	 nested 3   0
 *	guest   3 510
 *	 ...
 *
 * Under shadow paging hardware walks one set of tables only; each row then has the guest's entry
 * and the shadow's of that level.
 *
 * The registers are a snapshot taken on the vCPU's own thread; memory is read while guests run.
 */

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "mmu/gfmt.h"
#include "mmu/mmu.h"
#include "shell/mmu_of.h"
#include "shell/mmu_probe.h"
#include "shell/mmu_text.h"
#include "shell/mmu_view.h"
#include "shell/walk_shadow.h"
#include "vm/hv_ops.h"
#include "vm/target.h"
#include "vm/vm.h"

/* One entry of a table. */
struct step {
	const char *table;
	u32 level;
	u64 index, at, entry;
	const char *means;
};

static void show_step(struct out *o, const struct step *s)
{
	out_begin(o);
	out_str(o, "table", -8, s->table);
	out_dec(o, "level", 5, s->level);
	out_dec(o, "index", 5, s->index);
	out_hex(o, "at", -16, s->at);
	out_hex(o, "entry", -18, s->entry);
	out_str(o, "means", -1, s->means);
	out_end(o);
}

/* --- nested dimension ------------------------------------------------------------------------- */

static void show_path(struct out *o, const struct mmu_vm *m, gpa_t gpa)
{
	gfn_t gfn = gpa_to_gfn(gpa);
	struct mmu_path p;
	char means[48];

	mmu_path(m, gfn, &p);
	for (u32 l = p.top; l >= p.level && l > 0; l--) {
		spte_text(p.entry[l], means, sizeof(means));
		show_step(o, &(struct step){ o->json ? "nested" : " nested", l, level_index(gfn, l),
					     p.at[l].v, p.entry[l], means });
	}
}

/* What the access to v->gpa comes to. */
static void judge(struct mmu_vm *m, u32 access, struct verdict *v)
{
	struct mmu_probe p;

	mmu_probe(m, GPA(v->gpa), access, &p);
	v->reason = p.reason;
	if (!p.faults) {
		v->word = "allow";
		v->hpa = p.hpa.v;
	} else if (p.verdict == MMU_MMIO) {
		v->word = p.slot ? "mmio" : "hole";
	} else {
		v->word = p.verdict == MMU_EMULATE   ? "emulate"
			  : p.verdict == MMU_TRACKED ? "tracked"
						     : "fault";
	}
}

/* --- guest dimension -------------------------------------------------------------------------- */

/* Tables of 32-bit paging have 4-byte entries; the PAE top table lies on 32 bytes. */
static u64 gpte_index(const struct mmu_walk *w, u32 level)
{
	u64 at = w->gpte_gpa[level].v;

	if (w->top == 2)
		return (at & (PAGE_SIZE - 1)) / sizeof(u32);
	return (at & (w->top == 3 && level == 3 ? 31 : PAGE_SIZE - 1)) / sizeof(u64);
}

static void show_walk(struct out *o, const struct mmu_vm *m, const struct mmu_walk *w)
{
	char means[WORDS_MAX];

	for (u32 l = w->top; l >= w->level && l > 0; l--) {
		show_step(o, &(struct step){ "guest", l, gpte_index(w, l), w->gpte_gpa[l].v,
					     w->gpte[l], gpte_words(w->gpte[l], l, means) });
		show_path(o, m, w->gpte_gpa[l]);
	}
}

static void show_verdict(struct out *o, const struct verdict *v, const struct mmu_walk *w)
{
	if (o->json) {
		out_begin(o);
		out_str(o, "verdict", 0, v->word);
		out_str(o, "reason", 0, v->reason);
		out_hex(o, "gpa", 0, v->gpa);
		out_hex(o, "hpa", 0, v->hpa);
		out_hex(o, "pf_error", 0, w && !w->ok ? w->fault.error : 0);
		out_end(o);
	} else if (w && !w->ok) {
		out_text(o, "%s: #PF, error code 0x%x, at level %u: %s", v->word, w->fault.error,
			 w->level, v->reason);
	} else {
		out_text(o, "%s: gpa 0x%lx, hpa 0x%lx: %s", v->word, v->gpa, v->hpa, v->reason);
	}
}

/* --- command ---------------------------------------------------------------------------------- */

/* Of a vCPU, taken on its own thread. */
struct snapshot {
	struct mmu_regs paging;
	u64 rip, rsp; /* linear */
	hpa_t root;   /* shadow paging */
};

static u64 linear(struct vcpu *v, u32 seg, u64 offset)
{
	struct segment cs, s;

	hv->get_seg(v, S_CS, &cs);
	hv->get_seg(v, seg, &s);
	return cs.attr & SEG_ATTR_L ? offset : (u32)(s.base + offset);
}

static void take_snapshot(struct vcpu *v, void *arg)
{
	struct snapshot *s = arg;
	static struct mmu_ctx_view view;

	if (mmu_of(v->vm)->shadow.on) {
		mmu_ctx_view(mmu_ctx_of(v), &view);
		s->root = view.root[0].hw;
	}
	hv->get_paging(v, &s->paging);
	s->rip = linear(v, S_CS, v->regs.rip);
	s->rsp = linear(v, S_SS, v->regs.gpr[R_SP]);
}

static void walk_gva(struct out *o, struct vcpu *v, const struct snapshot *s, u64 gva, u32 access)
{
	static const char *const modes[] = { "no paging",      "",
					     "32-bit paging",  "PAE paging",
					     "4-level paging", "5-level paging" };
	struct verdict verdict = { .gva = gva };
	const struct mmu_regs *regs = &s->paging;
	struct mmu_walk w;
	struct mmu_vm *m = mmu_of(v->vm);
	bool shadow = m->shadow.on;
	struct mmu_path p;

	mmu_walk(m, regs, GVA(gva), access | MMU_NO_AD, &w);
	if (!o->json)
		out_text(o, "gva 0x%lx, cr3 0x%lx, cr0 0x%lx, cr4 0x%lx, efer 0x%lx: %s", gva,
			 regs->cr3, regs->cr0, regs->cr4, regs->efer, modes[w.top]);
	out_heading(o);
	if (shadow)
		walk_shadow(o, m, s->root, GVA(gva), &w, &p);
	else
		show_walk(o, m, &w);
	verdict.gpa = w.gpa.v;
	if (!w.ok) {
		verdict.word = "deny";
		verdict.reason = w.reason;
	} else if (shadow) {
		walk_shadow_judge(m, &p, access, &verdict);
	} else {
		show_path(o, m, w.gpa);
		judge(m, access, &verdict);
	}
	show_verdict(o, &verdict, &w);
}

static void walk_gpa(struct out *o, struct vm *vm, u64 gpa, u32 access)
{
	struct mmu_vm *m = mmu_of(vm);
	struct verdict verdict = { .gpa = gpa };

	if (m->shadow.on) {
		out_error(o,
			  "the shadow of %s is walked by gva; mmu gfn %s 0x%lx shows who maps it",
			  vm->cfg.name, vm->cfg.name, gpa >> PAGE_SHIFT);
		return;
	}
	out_heading(o);
	show_path(o, m, GPA(gpa));
	judge(m, access, &verdict);
	show_verdict(o, &verdict, NULL);
}

/* "r", "w", "x", each perhaps with "u". 0 = something else. */
static u32 parse_access(const char *s)
{
	static const char letters[] = "rwxu";
	static const u32 bits[] = { MMU_R, MMU_W, MMU_X, MMU_U };
	u32 access = 0;

	for (; *s; s++) {
		const char *at = strchr(letters, *s);

		if (!at)
			return 0;
		access |= bits[at - letters];
	}
	return access & (MMU_R | MMU_W | MMU_X) ? access : access | MMU_R;
}

/* A number, or a register of the vCPU that holds an address. */
static int parse_address(const char *text, const struct snapshot *s, u64 *addr)
{
	if (strcmp(text, "rip") == 0)
		*addr = s->rip;
	else if (strcmp(text, "rsp") == 0)
		*addr = s->rsp;
	else
		return cmd_parse_u64(text, addr);
	return 0;
}

static void run_walk(struct out *o, int argc, char **argv)
{
	struct vcpu *v = target_vcpu(o, argv[0]);
	u32 access = argc > 3 ? parse_access(argv[3]) : MMU_R;
	struct snapshot s = { .root = HPA(0) };
	u64 addr;

	if (!v)
		return;
	vcpu_call(v, take_snapshot, &s);
	if (parse_address(argv[2], &s, &addr) != 0)
		out_error(o, "%s is no address: a number such as 0xfee00000, or rip or rsp",
			  argv[2]);
	else if (access == 0)
		out_error(o, "%s is not an access: r, w or x, with u for user mode", argv[3]);
	else if (strcmp(argv[1], "gva") == 0)
		walk_gva(o, v, &s, addr, access);
	else if (strcmp(argv[1], "gpa") == 0)
		walk_gpa(o, v->vm, addr, access);
	else
		out_error(o, "%s is neither gva (guest virtual) nor gpa (guest physical)", argv[1]);
}

static void complete(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	target_complete_vcpu(idx, add, arg);
	if (idx == 1) {
		add(arg, "gva");
		add(arg, "gpa");
	} else if (idx == 2) {
		add(arg, "rip");
		add(arg, "rsp");
	}
}

SHELL_CMD(cmd_mmu_walk, "mmu", "walk", "VM[.N] gva|gpa ADDRESS [ACCESS]",
	  "Translates an address step by step for an access (r, w or x; u: from user mode)",
	  "mmu walk linux.0 gva rip x", run_walk, complete);
