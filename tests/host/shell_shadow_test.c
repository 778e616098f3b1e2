/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: shell/cmd_mmu.c shell/cmd_root.c shell/cmd_page.c shell/cmd_set.c shell/cmd_tree.c */
/* SOURCES: shell/cmd_walk.c shell/walk_shadow.c shell/shadow.c shell/mmu_[ipvt]*.c shell/exec.c */
/* SOURCES: shell/parse.c lib/out.c lib/cmd.c vm/target.c */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* LIBS: -Wl,--defsym=shell_cmds_start=__start_shell_cmds */
/* LIBS: -Wl,--defsym=shell_cmds_end=__stop_shell_cmds */
/* The commands about shadow paging, typed at a simulated machine whose guests page. */
#include "shadow_setup.h"

#include "shell_type.h"

#include <stdlib.h>

#include "arch/thread.h"
#include "mmu/shadow/sp.h"
#include "shell/mmu_of.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

struct vm *vms[CFG_MAX_VMS];
u32 nr_vms = 1;

static struct vm vm;
static struct vcpu vcpu[2];
static struct sim_space space;

/* --- what the commands stand on --------------------------------------------------------------- */

struct vm *vm_find(const char *name)
{
	return strcmp(name, vm.cfg.name) == 0 ? &vm : NULL;
}

struct mmu_vm *mmu_of(struct vm *of)
{
	assert_ptr_equal(of, &vm);
	return &sim.vm;
}

struct mmu_ctx *mmu_ctx_of(struct vcpu *v)
{
	return &sim.vcpu[v->id].ctx;
}

/* On the vCPU's own CPU, out of the guest. */
void vcpu_call(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg), void *arg)
{
	struct sim_vcpu *s = &sim.vcpu[v->id];
	struct sim_turn t;

	if (s->in_guest)
		sim_exit(s);
	t = sim_cpu_take(s->cpu);
	fn(v, arg);
	sim_cpu_back(t);
}

/* The guest goes on while a command waits. */
void thread_yield(void)
{
	sim_meanwhile();
}

static void get_paging(struct vcpu *v, struct mmu_regs *r)
{
	*r = sim.vcpu[v->id].ctx.regs;
}

static void get_seg(struct vcpu *v, u32 seg, struct segment *s)
{
	(void)v;
	*s = (struct segment){ .attr = SEG_ATTR_L, .base = seg };
}

static const struct hv_ops ops = { .get_paging = get_paging, .get_seg = get_seg };
const struct hv_ops *hv = &ops;

/* --- typing ----------------------------------------------------------------------------------- */

/* Nothing is printed under the MMU's lock. */
static void no_lock_is_held(void)
{
	assert_false(sim.vm.lock.held);
}

/* The number behind "key": in the first record of the last output, also from a string of hex. */
static u64 value_of(const char *key)
{
	char name[32];
	const char *p;

	snprintf(name, sizeof(name), "\"%s\": ", key);
	p = strstr(text, name);
	if (!p)
		fail_msg("no %s in:\n%s", key, text);
	p += strlen(name);
	return strtoull(*p == '"' ? p + 1 : p, NULL, 0);
}

/* --- the machine ------------------------------------------------------------------------------ */

#define GVA_A 0x400000ULL /* to OLD, 4 KiB */
#define GVA_B 0x401000ULL
#define GVA_L 0xffff800000000000ULL /* 2 MiB page at NEW */

/* A guest with 4-level paging that has read two small pages and a large one. */
static int start(void **state)
{
	(void)state;
	setup(true);
	shell_printed = no_lock_is_held;
	vm = (struct vm){ .cfg.name = "linux", .nr_vcpus = 2, .vcpu = { &vcpu[0], &vcpu[1] } };
	for (u32 i = 0; i < 2; i++)
		vcpu[i] = (struct vcpu){ .vm = &vm, .id = i, .regs.rip = GVA_A + 0x123 };
	vms[0] = &vm;
	space = sim_space_new(SIM_LM4);
	sim_map(&space, GVA_A, OLD, LEAF, 1);
	sim_map(&space, GVA_B, OLD + 0x1000, LEAF & ~W_, 1);
	sim_map(&space, GVA_L, NEW, LEAF, 2);
	sim_set_space(reader, &space, true, true);
	sim_expect_ok(reader, GVA_A, MMU_W, OLD);
	sim_expect_ok(reader, GVA_B, MMU_R, OLD + 0x1000);
	sim_expect_ok(reader, GVA_L, MMU_R, NEW);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	finish();
	return 0;
}

/* The frame of the page table that maps GVA_A. */
static u64 table_gfn(void)
{
	return sim_pte(&space, GVA_A, 1) >> PAGE_SHIFT;
}

/* The guest writes to that table, which goes unsync. */
static void write_table(void)
{
	sim_map(&space, GVA_B + 0x1000, table_gfn() << PAGE_SHIFT, LEAF, 1);
	sim_expect_ok(reader, GVA_B + 0x1000, MMU_W, table_gfn() << PAGE_SHIFT);
}

/* --- roots and role --------------------------------------------------------------------------- */

static void roots_are_listed_current_one_first(void **state)
{
	struct sim_space other = sim_space_new(SIM_LM4);
	char key[64];

	(void)state;
	sim_map(&other, GVA_A, OLD, LEAF, 1);
	sim_load_cr3(reader, other.cr3);
	sim_expect_ok(reader, GVA_A, MMU_R, OLD);
	run("mmu roots linux -j");
	assert_int_equal(count("\"state\": \"current\""), 1);
	assert_int_equal(count("\"state\": \"parked\""), 1);
	assert_int_equal(count("\"mode\": \"4-level nx wp\""), 2);
	snprintf(key, sizeof(key), "\"guest\": \"cr3 gpa 0x%lx\"", other.cr3);
	assert_int_equal(count(key), 1);
	assert_int_equal(value_of("hpa"), reader->ctx.cache.cur->hw.v);
	assert_int_equal(value_of("page"), reader->ctx.cache.cur->child[0]);
	assert_int_equal(value_of("refs"), 1);
	/* The other vCPU has paging off and never ran. */
	assert_int_equal(count("{\"vcpu\": 1, \"state\": \"to-build\""), 1);
}

static void root_says_what_it_owes(void **state)
{
	(void)state;
	write_table();
	says("mmu roots linux -j", "\"state\": \"current\"");
	assert_int_equal(value_of("unsync"), 1);
	sim_load_cr3(reader, space.cr3);
	says("mmu roots linux -j", "{\"vcpu\": 0, \"state\": \"to-sync\"");
	mmu_shadow_zap_all(&sim.vm);
	says("mmu roots linux -j", "{\"vcpu\": 0, \"state\": \"to-build\"");
}

static void pae_root_names_its_four_entries(void **state)
{
	struct sim_space pae = sim_space_new(SIM_PAE);
	char key[64];

	(void)state;
	sim_map(&pae, GVA_A, OLD, LEAF, 1);
	sim_map(&pae, 0xc0000000, OLD, LEAF, 1);
	sim_set_space(reader, &pae, false, false);
	sim_expect_ok(reader, 0xc0000000, MMU_R, OLD);
	snprintf(key, sizeof(key), "\"guest\": \"pdpte 0x%lx 0x0 0x0 0x%lx\"", sim_peek(pae.cr3, 8),
		 sim_peek(pae.cr3 + 24, 8));
	says("mmu roots linux -j", key);
	says("mmu roots linux -j", "\"kind\": \"pdpt\", \"levels\": 3");
	assert_true(value_of("hpa") < BIT(32));
	says("mmu tree linux -j", "{\"gva\": \"0xc0000000\", \"end\": \"0xc0001000\"");
	says("mmu tree linux --dot", "label=\"L3 0x");
	assert_int_equal(count("label=\"L2 0x"), 2);
	snprintf(key, sizeof(key), "mmu gfn linux 0x%llx -j", OLD >> PAGE_SHIFT);
	says(key, "\"gva\": \"0xc0000000\"");
}

static void role_shows_registers_bits_and_what_is_forced(void **state)
{
	(void)state;
	says("mmu role linux.0 -j", "{\"register\": \"cr0\", \"guest\": \"0x80010011\", "
				    "\"forced_on\": \"0x80010000\"");
	assert_int_equal(count("\"differs\": \"-\""), 3);
	assert_non_null(strstr(text, "4-level nx wp paging"));
	assert_non_null(strstr(text, "lm4 nx wp access=rwux"));
	assert_non_null(strstr(text, "{\"bit\": \"la57\", \"value\": 0"));
	assert_non_null(strstr(text, "hardware walks 4 levels"));
	says("mmu role linux.1", "WP=1 PG=1");
	assert_non_null(strstr(text, "linux.1: no paging; role of its tables: lin0 direct"));
	assert_non_null(strstr(text, "below 4 GiB"));
}

/* --- tree ------------------------------------------------------------------------------------- */

static void tree_shows_runs_of_linear_addresses(void **state)
{
	(void)state;
	says("mmu tree linux -j", "{\"gva\": \"0x400000\", \"end\": \"0x401000\", \"entries\": "
				  "\"4K\", \"hpa\": \"0x40400000\", \"gpa\": \"0x400000\", "
				  "\"means\": \"leaf P W U A D\"}\n");
	assert_non_null(strstr(text, "{\"gva\": \"0x401000\""));
	assert_non_null(strstr(text, "{\"gva\": \"0xffff800000000000\", \"end\": "
				     "\"0xffff800000200000\", \"entries\": \"2M\""));
	assert_int_equal(count("\n"), 3);
	says("mmu tree linux from=0x401000 lines=1", "more follows: from=0xffff800000000000\n");
	assert_null(strstr(text, "0x400000 "));
	says("mmu tree linux from=0xffff800000000000 -j", "{\"gva\": \"0xffff800000000000\"");
	assert_int_equal(count("\n"), 1);
}

static void any_root_and_the_direct_map_can_be_named(void **state)
{
	struct sim_space other = sim_space_new(SIM_LM4);
	char line[64];

	(void)state;
	sim_map(&other, 0x7000, OLD, LEAF, 1);
	sim_load_cr3(reader, other.cr3);
	sim_expect_ok(reader, 0x7000, MMU_R, OLD);
	says("mmu tree linux -j", "{\"gva\": \"0x7000\"");
	assert_int_equal(count("\n"), 1);
	snprintf(line, sizeof(line), "mmu tree linux 0x%lx -j", reader->ctx.cache.mru[0]->hw.v);
	says(line, "{\"gva\": \"0x400000\"");
	says("mmu tree linux direct", "nothing is mapped there yet\n");
	assert_int_equal(mmu_prebuild(&sim.vm), 0);
	says("mmu tree linux direct -j", "{\"gpa\": \"0x0\", \"end\": \"0x1000000\"");
	says("mmu tree linux 0x1234", "error: no root of linux is at hpa 0x1234; mmu roots");
	says("mmu tree linux.1", "error: linux has no current root now");
	says("mmu tree linux zz", "error: zz is no root");
	says("mmu tree linux direct 0x1000", "error: direct and 0x1000: one root at a time\n");
	says("mmu tree linux from=x", "error: x is not a number in from=x\n");
	says("mmu tree linux --dit", "error: unknown option --dit; there is only --dot\n");
}

static void tree_draws_each_table_once(void **state)
{
	(void)state;
	says("mmu tree linux --dot", "digraph \"linux\" {\n");
	assert_int_equal(count("label=\"L4"), 1);
	assert_int_equal(count("label=\"L3"), 2);
	assert_int_equal(count("label=\"L1"), 1);
	assert_int_equal(count("shape=box"), 3);
	assert_string_equal(text + fill - 2, "}\n");
}

/* --- pages and frames ------------------------------------------------------------------------- */

static void frame_shows_who_maps_and_who_shadows_it(void **state)
{
	char line[64];

	(void)state;
	snprintf(line, sizeof(line), "mmu gfn linux 0x%lx -j", table_gfn());
	says(line, "\"slot\": \"ram\"");
	assert_int_equal(value_of("shadows"), 1);
	assert_int_equal(value_of("leaves"), 0);
	assert_int_equal(value_of("table_gpa"), table_gfn() << PAGE_SHIFT);
	assert_int_equal(value_of("level"), 1);
	snprintf(line, sizeof(line), "mmu gfn linux 0x%llx -j", OLD >> PAGE_SHIFT);
	says(line, "\"gva\": \"0x400000\"");
	assert_int_equal(value_of("leaves"), 1);
	assert_int_equal(count("\"means\": \"leaf P W U A D\""), 1);
	snprintf(line, sizeof(line), "mmu gfn linux 0x%llx -j", (NEW >> PAGE_SHIFT) + 5);
	says(line, "\"level\": 2");
	assert_int_equal(count("\"gva\": \"0xffff800000000000\""), 1);
	says("mmu gfn linux 0x1800 -j", "\"slot\": \"mmio\"");
	says("mmu gfn linux 0x9999999 -j", "\"slot\": \"hole\"");
	says("mmu gfn linux zz", "error: zz is no guest frame number");
	says("mmu gfn linux 0xffffffffffff", "error: 0xffffffffffff is no guest frame number");
}

static void page_shows_header_parents_and_sources(void **state)
{
	char line[64];
	u64 x, up;

	(void)state;
	snprintf(line, sizeof(line), "mmu gfn linux 0x%lx -j", table_gfn());
	run(line);
	x = value_of("page");
	snprintf(line, sizeof(line), "mmu page linux %lu -j", x);
	says(line, "\"state\": \"sync\", \"level\": 1");
	assert_int_equal(value_of("entries"), 2);
	assert_int_equal(value_of("gva"), GVA_A);
	assert_int_equal(value_of("source_gpa"), OLD);
	assert_int_equal(count("\"source\": \"P W U A D\""), 1);
	assert_int_equal(count("\"source\": \"P U A D\""), 1);
	up = value_of("parent");
	snprintf(line, sizeof(line), "mmu page linux 0x%lx -j", sp_hpa((spx_t)up).v);
	says(line, "\"level\": 2");
	assert_int_equal(value_of("page"), up);
	snprintf(line, sizeof(line), "mmu page linux %lu lines=1", x);
	says(line, "more entries follow: from=1\n");
	snprintf(line, sizeof(line), "mmu page linux %lu from=2", x);
	run(line);
	assert_null(strstr(text, "more entries"));
	says("mmu page linux 0", "error: 0 is no shadow page of linux");
	says("mmu page linux 0xfffffffff000", "error: 0xfffffffff000 is no shadow page of linux");
	says("mmu page linux 1 what=2", "error: unknown argument what=2; there are from=N");
}

static void unsync_pages_are_listed_until_synced(void **state)
{
	(void)state;
	says("mmu unsync linux", "no shadow page of linux is out of sync\n");
	write_table();
	says("mmu unsync linux -j", "\"state\": \"unsync\", \"level\": 1");
	assert_int_equal(value_of("table_gpa"), table_gfn() << PAGE_SHIFT);
	assert_int_equal(value_of("gva"), GVA_A);
	assert_int_equal(count("\n"), 1);
	sim_load_cr3(reader, space.cr3);
	assert_true(sim_enter(reader));
	says("mmu unsync linux", "no shadow page of linux is out of sync\n");
}

/* --- zap, set, stat, audit -------------------------------------------------------------------- */

static void zap_drops_one_table_or_all(void **state)
{
	char line[64];

	(void)state;
	snprintf(line, sizeof(line), "mmu zap linux 0x%lx", table_gfn());
	says(line, "1 shadow pages of frame");
	says(line, "nothing shadows frame");
	sim_expect_ok(reader, GVA_A, MMU_R, OLD);
	snprintf(line, sizeof(line), "mmu zap linux 0x%lx", space.cr3 >> PAGE_SHIFT);
	says(line, "stay: a current root points to them");
	says("mmu zap linux all", "shadow pages of linux are obsolete");
	assert_int_equal(sim.vm.shadow.nr_live, 0);
	sim_expect_ok(reader, GVA_A, MMU_R, OLD);
	says("mmu zap linux everything", "error: everything is no guest frame number");
}

static void set_switches_one_optimisation_at_a_time(void **state)
{
	const struct mmu_tune *t = &sim.vm.shadow.tune;

	(void)state;
	says("mmu set linux -j",
	     "{\"name\": \"unsync\", \"value\": \"on\", \"range\": \"off, on\"");
	assert_int_equal(count("\n"), 6);
	says("mmu set linux unsync=off roots=4", "unsync     off");
	assert_false(t->unsync);
	assert_int_equal(t->roots, 4);
	assert_true(t->huge);
	run("mmu set linux prefetch=64 huge=off flood=0 by_links=off");
	assert_int_equal(t->prefetch, 64);
	assert_int_equal(t->flood, 0);
	assert_false(t->huge || t->by_links);
	sim_expect_ok(reader, GVA_L, MMU_R, NEW);
	says("mmu tree linux from=0xffff800000000000 -j", "\"entries\": \"4K\"");
	/* A mistake changes nothing, not even what stood before it. */
	says("mmu set linux unsync=on prefetch=3",
	     "error: prefetch cannot be 3: 1 to 512, a power of two\n");
	assert_false(t->unsync);
	says("mmu set linux roots=0", "error: roots cannot be 0: 1 to 16\n");
	says("mmu set linux unsync=yes", "error: unsync cannot be yes: off, on\n");
	says("mmu set linux unsync", "error: unsync sets nothing; mmu set VM shows");
	says("mmu set linux speed=11", "error: speed=11 sets nothing");
}

static void counters_begin_anew_at_reset(void **state)
{
	u64 made = sim_stat(MMU_STAT_SP_ALLOC);
	char want[96];

	(void)state;
	run("mmu stat linux --reset");
	snprintf(want, sizeof(want), "{\"counter\": \"sp_alloc\", \"count\": %lu, \"since\": 0,",
		 made);
	says("mmu stat linux -j", want);
	run("mmu zap linux all");
	sim_expect_ok(reader, GVA_A, MMU_R, OLD);
	snprintf(want, sizeof(want), "\"count\": %lu, \"since\": 4,", made + 4);
	says("mmu stat linux -j", want);
	says("mmu stat linux --rest", "error: unknown option --rest; there is only --reset\n");
}

static void audit_runs_beside_the_guest_and_finds_damage(void **state)
{
	spx_t x;

	(void)state;
	sim.lively = true;
	says("mmu audit linux -j", "\"errors\": 0}");
	sim.lively = false;
	assert_true(value_of("tables") >= 6);
	x = sp_next_of(&sim.vm, GFN(table_gfn()), 0);
	sp_get(x)->nr_present++;
	says("mmu audit linux -j", "\"errors\": 1}");
	assert_non_null(strstr(text, "{\"rule\": \"I13\""));
	sp_get(x)->nr_present--;
	/* A context is judged, too. */
	reader->ctx.want.id[0] ^= 1;
	says("mmu audit linux -j", "{\"rule\": \"I24\"");
	reader->ctx.want.id[0] ^= 1;
}

/* --- walk ------------------------------------------------------------------------------------- */

static void walk_has_guest_and_shadow_side_by_side(void **state)
{
	(void)state;
	says("mmu walk linux gva 0x400123 w -j", "{\"level\": 1, \"guest_gpa\": ");
	assert_int_equal(count("\"shadow_means\": \"table P W U A\""), 3);
	assert_int_equal(count("\"guest_means\": \"leaf P W U A D\""), 1);
	assert_int_equal(count("\"shadow_means\": \"leaf P W U A D\""), 1);
	assert_non_null(strstr(text,
			       "{\"verdict\": \"allow\", \"reason\": \"the shadow leaf allows "
			       "it\", \"gpa\": \"0x400123\", \"hpa\": \"0x40400123\""));
	says("mmu walk linux gva 0xffff800000012345", "hpa 0x40812345:");
	says("mmu walk linux gva 0x401000 w", "deny: #PF, error code 0x3, at level 1:");
	says("mmu walk linux gva rip x", "gpa 0x400123");
	says("mmu walk linux gpa 0x401000",
	     "error: the shadow of linux is walked by gva; mmu gfn linux 0x401 shows who maps");
}

static void walk_says_what_the_shadow_lacks(void **state)
{
	(void)state;
	sim_map(&space, GVA_A + 0x8000, ROM, LEAF, 1);
	sim_map(&space, GVA_A + 0x9000, DEV, LEAF, 1);
	sim_map(&space, GVA_A + 0xa000, space.cr3, LEAF, 1);
	sim_map(&space, GVA_A + 0xb000, OLD + 0x5000, LEAF & ~D_, 1);
	says("mmu walk linux gva 0x40b000", "fault: gpa 0x405000, hpa 0x0: no shadow leaf yet");
	sim_expect_ok(reader, GVA_A + 0xb000, MMU_R, OLD + 0x5000);
	says("mmu walk linux gva 0x40b000 w", "the shadow leaf gets this right");
	says("mmu walk linux gva 0x408000 w", "emulate: gpa 0x1400000, hpa 0x0: write to ROM");
	says("mmu walk linux gva 0x409000", "mmio: ");
	says("mmu walk linux gva 0x40a000 w", "write to a guest table");
	says("mmu walk linux.1 gva 0x40a000", "no root: the next entry builds it");
}

/* --- trace ------------------------------------------------------------------------------------ */

static void expect_trace(enum trace_event ev, u64 a, u64 b, const char *text_c)
{
	const struct trace_rec *r = &sim_traced[ev];

	assert_int_equal(r->vm, sim.vm.id);
	assert_int_equal(r->a, a);
	if (b != ~0ULL)
		assert_int_equal(r->b, b);
	if (text_c)
		assert_string_equal((const char *)r->c, text_c);
	memset(&sim_traced[ev], 0, sizeof(*r));
}

static void mmu_events_are_recorded(void **state)
{
	u64 table = table_gfn() << PAGE_SHIFT;
	spx_t x = sp_next_of(&sim.vm, GFN(table_gfn()), 0);

	(void)state;
	sim_map(&space, GVA_A + 0x5000, OLD + 0x2000, LEAF, 1);
	trace_on = true;
	sim_expect_ok(reader, GVA_A + 0x5000, MMU_W, OLD + 0x2000);
	expect_trace(TRACE_SHADOW_FAULT, GVA_A + 0x5000, PFEC_W, "fixed");
	sim_expect_pf(reader, GVA_A + 0x6000, MMU_R, 0);
	expect_trace(TRACE_SHADOW_FAULT, GVA_A + 0x6000, 0, "inject");
	expect_trace(TRACE_SHADOW_WHY, GVA_A + 0x6000, 0, "not present");
	write_table();
	expect_trace(TRACE_SHADOW_UNSYNC, table_gfn(), x, NULL);
	sim_load_cr3(reader, space.cr3);
	assert_true(sim_enter(reader));
	expect_trace(TRACE_SHADOW_SYNC, table_gfn(), x, NULL);
	assert_true(sim_dma(table + 0x800, 0, 8, SIM_BY_WRITE));
	expect_trace(TRACE_SHADOW_STORE, table + 0x800, 8, NULL);
	mmu_unshadow(&sim.vm, GFN(table_gfn()));
	expect_trace(TRACE_SHADOW_ZAP, table_gfn(), x, NULL);
	sim_set_space(reader, &space, false, true);
	expect_trace(TRACE_SHADOW_ROOT, space.cr3 >> PAGE_SHIFT, 0, "miss");
	assert_true(sim_enter(reader));
	expect_trace(TRACE_SHADOW_ROOT, space.cr3 >> PAGE_SHIFT, reader->ctx.cache.cur->hw.v,
		     "built");
	sim_set_space(reader, &space, true, true);
	expect_trace(TRACE_SHADOW_ROOT, space.cr3 >> PAGE_SHIFT, reader->ctx.cache.cur->hw.v,
		     "hit");
	trace_on = false;
}

/* --- mistakes --------------------------------------------------------------------------------- */

static void nested_machine_has_no_shadow(void **state)
{
	static const char *const lines[] = { "mmu roots linux",  "mmu role linux",
					     "mmu page linux 1", "mmu gfn linux 1",
					     "mmu unsync linux", "mmu zap linux all",
					     "mmu set linux" };

	(void)state;
	sim.vm.shadow.on = false;
	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		says(lines[i], "error: linux does not run under shadow paging (paging = shadow)\n");
	says("mmu tree linux 0x1000", "error: linux has its nested tables only");
	sim.vm.shadow.on = true;
	says("mmu roots bsd", "error: there is no machine named bsd");
	says("mmu role linux.7", "error: linux has no virtual CPU 7; it has 0 to 1\n");
	says("mmu page linux", "error: usage: mmu page VM PAGE [from=N] [lines=N]; for example");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(roots_are_listed_current_one_first),
		TEST(root_says_what_it_owes),
		TEST(pae_root_names_its_four_entries),
		TEST(role_shows_registers_bits_and_what_is_forced),
		TEST(tree_shows_runs_of_linear_addresses),
		TEST(any_root_and_the_direct_map_can_be_named),
		TEST(tree_draws_each_table_once),
		TEST(frame_shows_who_maps_and_who_shadows_it),
		TEST(page_shows_header_parents_and_sources),
		TEST(unsync_pages_are_listed_until_synced),
		TEST(zap_drops_one_table_or_all),
		TEST(set_switches_one_optimisation_at_a_time),
		TEST(counters_begin_anew_at_reset),
		TEST(audit_runs_beside_the_guest_and_finds_damage),
		TEST(walk_has_guest_and_shadow_side_by_side),
		TEST(walk_says_what_the_shadow_lacks),
		TEST(mmu_events_are_recorded),
		TEST(nested_machine_has_no_shadow),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
