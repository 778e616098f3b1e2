/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmu roots and role: which tables hardware walks for a virtual CPU under shadow paging, and how
 * that follows from the guest's registers.
 */

#include <stdio.h>

#include "lib/cmd.h"

#include "arch/regs.h"
#include "shell/mmu_of.h"
#include "shell/mmu_text.h"
#include "shell/shadow.h"
#include "vm/target.h"
#include "vm/vm.h"

/* One user: commands run on one thread. */
static struct mmu_ctx_view view;
static struct mmu_page_view page;

/* --- roots ------------------------------------------------------------------------------------ */

#define KEY_MAX 96

/* What the guest has loaded: "cr3 gpa 0x1000", or the four PDPTEs. */
static const char *key_words(const struct rkey *k, char buf[KEY_MAX])
{
	if (k->role.fmt == ROLE_PAE)
		snprintf(buf, KEY_MAX, "pdpte 0x%lx 0x%lx 0x%lx 0x%lx", k->id[0], k->id[1],
			 k->id[2], k->id[3]);
	else if (k->role.fmt == ROLE_LIN)
		snprintf(buf, KEY_MAX, "no paging");
	else
		snprintf(buf, KEY_MAX, "cr3 gpa 0x%lx", k->id[0] << PAGE_SHIFT);
	return buf;
}

/* Entries of the root's own tables below which something waits to be synced. */
static u64 unsync_below(struct mmu_vm *m, const struct shadow_root *r)
{
	u64 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(r->child); i++)
		if (r->child[i] && mmu_page_view(m, r->child[i], &page))
			n += page.sp.nr_unsync + (u64)((page.sp.flags & SP_UNSYNC) != 0);
	return n;
}

static const char *root_state(u32 i, const struct shadow_root *r)
{
	if (r->gen != view.gen)
		return "obsolete";
	if (i > 0)
		return "parked";
	return view.synced ? "current" : "to-sync";
}

static void show_root(struct out *o, struct mmu_vm *m, const struct vcpu *v, const char *state,
		      const struct shadow_root *r)
{
	static const char *const kinds[] = {
		[SRK_NONE] = "-", [SRK_SP] = "table", [SRK_PAE32] = "pdpt"
	};
	char words[WORDS_MAX], key[KEY_MAX];

	out_begin(o);
	out_dec(o, "vcpu", 4, v->id);
	out_str(o, "state", -8, state);
	out_str(o, "kind", -5, kinds[r->kind]);
	out_dec(o, "levels", 6, r->level);
	out_hex(o, "hpa", -14, r->hw.v);
	out_dec(o, "page", 6, r->child[0]);
	out_dec(o, "unsync", 6, unsync_below(m, r));
	out_dec(o, "refs", 4, r->refs);
	out_str(o, "mode", -20, mode_words(r->key.role, words));
	out_str(o, "guest", -1, key_words(&r->key, key));
	out_end(o);
}

static void show_roots_of(struct out *o, struct mmu_vm *m, struct vcpu *v)
{
	shadow_view(v, &view);
	/* The next entry will build it. */
	if (view.root[0].kind == SRK_NONE)
		show_root(o, m, v, "to-build", &(struct shadow_root){ .key = view.want });
	for (u32 i = 0; i < ARRAY_SIZE(view.root); i++)
		if (view.root[i].kind != SRK_NONE)
			show_root(o, m, v, root_state(i, &view.root[i]), &view.root[i]);
}

static void run_roots(struct out *o, int argc, char **argv)
{
	struct vm *vm = shadow_vm(o, argv[0]);

	(void)argc;
	out_heading(o);
	for (u32 n = 0; vm && n < vm->nr_vcpus; n++)
		show_roots_of(o, mmu_of(vm), vm->vcpu[n]);
}

/* --- role ------------------------------------------------------------------------------------- */

struct bit_name {
	u64 bit;
	const char *name;
};

static const struct bit_name cr0_names[] = { { CR0_PE, "PE" }, { CR0_WP, "WP" }, { CR0_PG, "PG" } };
static const struct bit_name cr4_names[] = {
	{ CR4_PSE, "PSE" },     { CR4_PAE, "PAE" },   { CR4_PGE, "PGE" },   { CR4_LA57, "LA57" },
	{ CR4_PCIDE, "PCIDE" }, { CR4_SMEP, "SMEP" }, { CR4_SMAP, "SMAP" }, { CR4_PKE, "PKE" },
};
static const struct bit_name efer_names[] = { { EFER_LME, "LME" },
					      { EFER_LMA, "LMA" },
					      { EFER_NXE, "NXE" } };

struct reg {
	const char *name;
	const struct bit_name *names;
	u32 nr;
	u64 guest;
	struct hw_bits hw;
};

/* The bits that hardware runs with otherwise than the guest: "WP=1 PGE=0". */
static const char *forced_words(const struct reg *r, char buf[WORDS_MAX])
{
	u64 now = (r->guest | r->hw.set) & ~r->hw.clear;
	size_t n = (size_t)snprintf(buf, WORDS_MAX, now == r->guest ? "-" : "");

	for (u32 i = 0; i < r->nr; i++)
		if ((now ^ r->guest) & r->names[i].bit)
			n += (size_t)snprintf(buf + n, WORDS_MAX - n, "%s%s=%u", n ? " " : "",
					      r->names[i].name, !!(now & r->names[i].bit));
	return buf;
}

static void show_reg(struct out *o, const struct reg *r)
{
	char words[WORDS_MAX];

	out_begin(o);
	out_str(o, "register", -8, r->name);
	out_hex(o, "guest", -18, r->guest);
	out_hex(o, "forced_on", -10, r->hw.set);
	out_hex(o, "forced_off", -10, r->hw.clear);
	out_hex(o, "hardware", -18, (r->guest | r->hw.set) & ~r->hw.clear);
	out_str(o, "differs", -1, forced_words(r, words));
	out_end(o);
}

static void show_regs(struct out *o)
{
	struct mmu_hw_regs hw = role_hw_regs(view.role);
	const struct reg regs[] = {
		{ "cr0", cr0_names, ARRAY_SIZE(cr0_names), view.regs.cr0, hw.cr0 },
		{ "cr4", cr4_names, ARRAY_SIZE(cr4_names), view.regs.cr4, hw.cr4 },
		{ "efer", efer_names, ARRAY_SIZE(efer_names), view.regs.efer, hw.efer },
	};

	out_heading(o);
	for (u32 i = 0; i < ARRAY_SIZE(regs); i++)
		show_reg(o, &regs[i]);
}

static void show_bit(struct out *o, const char *name, u64 value, const char *page_role,
		     const char *what)
{
	out_begin(o);
	out_str(o, "bit", -8, name);
	out_dec(o, "value", 5, value);
	out_str(o, "page_role", -12, page_role);
	out_str(o, "what", -1, what);
	out_end(o);
}

/* Each bit of the vCPU's mode, and what becomes of it in the role of its tables. */
static void show_bits(struct out *o)
{
	const union cpu_role r = view.role;

	out_heading(o);
	show_bit(o, "pg", r.pg, r.page.direct ? "direct" : "fmt", "CR0.PG: the guest has tables");
	show_bit(o, "pae", r.pae, "fmt", "CR4.PAE: entries of 8 bytes");
	show_bit(o, "pse", r.pse, "fmt", "CR4.PSE: 4 MiB pages in 32-bit tables");
	show_bit(o, "lma", r.lma, "fmt", "EFER.LMA: four or five levels");
	show_bit(o, "la57", r.la57, "level", "CR4.LA57: five levels in long mode");
	show_bit(o, "nx", r.page.nx, "nx",
		 "EFER.NXE where entries have the bit: else it is reserved");
	show_bit(o, "wp", r.wp, "wp", "CR0.WP: read-only pages are so for the supervisor, too");
	show_bit(o, "smep", r.smep, r.page.smep_nwp ? "smep_nwp" : "-",
		 "CR4.SMEP: hardware's affair, but part of the role without WP");
	show_bit(o, "smap", r.smap, r.page.emul_nwp ? "emul_nwp" : "-",
		 "CR4.SMAP: hardware's affair; without WP some writes are emulated");
	show_bit(o, "pke", r.pke, r.page.emul_nwp ? "emul_nwp" : "-",
		 "CR4.PKE: hardware's affair; without WP some writes are emulated");
	show_bit(o, "caps", r.page.caps, "caps", "number of the vCPU's CPUID record");
}

static void run_role(struct out *o, int argc, char **argv)
{
	struct vcpu *v = shadow_vcpu(o, argv[0]);
	char words[WORDS_MAX], role[96];
	struct root_plan plan;

	(void)argc;
	if (!v)
		return;
	shadow_view(v, &view);
	plan = root_plan(view.role, ~0U);
	role_text(view.role.page, role, sizeof(role));
	show_regs(o);
	show_bits(o);
	out_text(o, "%s.%u: %s paging; role of its tables: %s (0x%x)", v->vm->cfg.name, v->id,
		 view.role.pg ? mode_words(view.role.page, words) : "no", role,
		 view.role.page.word);
	out_text(o, "hardware walks %u levels: %s", plan.hw_level,
		 plan.kind == SRK_PAE32
			 ? "a PDPT of 32 bytes below 4 GiB over shadow pages of level 2"
			 : "shadow pages all the way");
}

SHELL_CMD(cmd_mmu_roots, "mmu", "roots", "VM",
	  "Shows the roots of a shadow-paged machine: what each vCPU uses and keeps for later",
	  "mmu roots linux", run_roots, target_complete_vm);
SHELL_CMD(
	cmd_mmu_role, "mmu", "role", "VM[.N]",
	"Shows how a shadow-paged vCPU's registers become the role of its tables, and what is forced",
	"mmu role linux.0", run_role, target_complete_vcpu);
