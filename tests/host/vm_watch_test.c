/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/watch.c vm/target.c shell/cmd_watch.c shell/mmu_text.c shell/exec.c shell/parse.c */
/* SOURCES: lib/out.c lib/cmd.c tests/host/fake/clock.c */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* LIBS: -Wl,--defsym=shell_cmds_start=__start_shell_cmds */
/* LIBS: -Wl,--defsym=shell_cmds_end=__stop_shell_cmds */
/* Watches, typed at the shell and hit by vCPUs of a machine in the MMU's simulator. */
#include <stdarg.h>

#include "mmu_sim.h"

#include "shell_type.h"

#include "lib/log.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

#define RAM_FRAME (SIM_RAM >> PAGE_SHIFT)

struct vm *vms[CFG_MAX_VMS];
u32 nr_vms = 1;

static struct vm vm;
static struct vcpu vcpu[2];
static char logged[LOG_LINE_MAX];
static u32 lines;
static bool knows_gva;

struct vm *vm_find(const char *name)
{
	return strcmp(name, vm.cfg.name) == 0 ? &vm : NULL;
}

void vcpu_call(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg), void *arg)
{
	fn(v, arg);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(logged, sizeof(logged), fmt, ap);
	va_end(ap);
	lines++;
}

static bool fault_gva(struct vcpu *v, gva_t *gva)
{
	(void)v;
	*gva = GVA(0xffff800000005123);
	return knows_gva;
}

static const struct hv_ops ops = { .fault_gva = fault_gva };
const struct hv_ops *hv = &ops;

static int start(bool exec_only)
{
	sim_start(exec_only ? SPTE_EPT : SPTE_NPT, 256, 1);
	mmu_hw.exec_only = exec_only;
	vm = (struct vm){ .cfg.name = "linux", .nr_vcpus = 2, .vcpu = { &vcpu[0], &vcpu[1] } };
	for (u32 i = 0; i < 2; i++)
		vcpu[i] = (struct vcpu){
			.vm = &vm, .id = i, .regs.rip = 0x400123, .exit.reason = EXIT_NPF
		};
	vms[0] = &vm;
	lines = 0;
	knows_gva = false;
	watch_init(&vm);
	sim_vm(&vm.mmu, 0, 200);
	assert_int_equal(sim_add(&vm.mmu, SLOT_RAM, 0, 0x402, RAM_FRAME), 0);
	assert_int_equal(sim_add(&vm.mmu, SLOT_ROM, 0xfffff, 1, RAM_FRAME + 0x1000), 0);
	return mmu_prebuild(&vm.mmu);
}

static int amd(void **state)
{
	(void)state;
	return start(false);
}

static int intel(void **state)
{
	(void)state;
	return start(true);
}

static int finish(void **state)
{
	(void)state;
	sim_audit(&vm.mmu);
	return 0;
}

/* The guest's access, as the exit handler of a nested fault takes it; false: no exit. */
static bool access_at(u32 i, u64 gpa, u32 access)
{
	struct mmu_result r;
	struct mmu_fault f = { .gpa = GPA(gpa), .access = access };
	u32 level;
	u64 hpa;

	if (!(access & ~sim_hw_walk(&vm.mmu, GPA(gpa), &hpa, &level)))
		return false;
	assert_int_equal(mmu_fault(&vm.mmu, &f, &r), MMU_TRACKED);
	assert_true(watch_hit(&vcpu[i], GPA(gpa), access, false));
	return true;
}

/* It hits once, and then the guest runs on. */
static void hits(u32 i, u64 gpa, u32 access, const char *what)
{
	u32 before = lines;

	assert_true(access_at(i, gpa, access));
	assert_int_equal(lines, before + 1);
	if (!strstr(logged, what))
		fail_msg("no \"%s\" in: %s", what, logged);
	assert_false(access_at(i, gpa, access));
	assert_int_equal(lines, before + 1);
}

static void a_read_watch_lets_code_run_where_it_can(void **state)
{
	(void)state;
	says("mmu watch linux 5", "rw ");
	assert_null(strstr(text, "execution counts"));
	assert_false(access_at(0, 0x5000, MMU_X));
	hits(1, 0x5123, MMU_R, "vm linux: watch: vCPU 1 read gpa 5123, RIP 400123");
	assert_false(access_at(0, 0x5000, MMU_W));
	says("mmu watch linux -j",
	     "{\"gfn\": \"0x5\", \"watch\": \"r\", \"catches\": \"rw\", \"state\": \"hit\", "
	     "\"vcpu\": \"linux.1\", \"access\": \"read\", \"gpa\": \"0x5123\", \"gva\": \"-\", "
	     "\"rip\": \"0x400123\"}\n");
}

static void where_it_cannot_execution_counts_and_is_said(void **state)
{
	(void)state;
	says("mmu watch linux 5 r", "rwx");
	says("mmu watch linux 6 r", "execution counts, too: these tables cannot tell it from");
	hits(0, 0x5000, MMU_X, "executed gpa 5000");
	hits(0, 0x6000, MMU_W, "wrote to gpa 6000");
}

static void writes_and_execution_alone(void **state)
{
	(void)state;
	says("mmu watch linux 5 w", "armed");
	says("mmu watch linux 6 x", "armed");
	assert_false(access_at(0, 0x5000, MMU_R));
	assert_false(access_at(0, 0x5000, MMU_X));
	assert_false(access_at(0, 0x6000, MMU_R));
	assert_false(access_at(0, 0x6000, MMU_W));
	knows_gva = true;
	hits(0, 0x5123, MMU_W, "wrote to gpa 5123 at linear ffff800000005123, RIP 400123");
	hits(1, 0x6000, MMU_X, "executed gpa 6000");
	says("mmu watch linux -j", "\"access\": \"execute\"");
	assert_int_equal(count("\"gva\": \"0xffff800000005123\""), 2);
}

static void walks_and_page_faults_are_told_as_what_they_are(void **state)
{
	(void)state;
	says("mmu watch linux 5 w", "armed");
	assert_true(watch_hit(&vcpu[0], GPA(0x5008), MMU_W, true));
	assert_non_null(strstr(logged, "walked page tables in gpa 5008"));
	says("mmu watch linux", "walk");
	says("mmu watch linux 5 w", "armed");
	vcpu[1].exit.reason = EXIT_PF;
	vcpu[1].exit.pf = (struct mmu_shadow_fault){ .gva = GVA(0x77123) };
	assert_true(watch_hit(&vcpu[1], GPA(0x5123), MMU_W | MMU_U, false));
	assert_non_null(strstr(logged, "vCPU 1 wrote to gpa 5123 at linear 77123"));
	/* The frame has one record, the latest. */
	run("mmu watch linux -j");
	assert_int_equal(count("\n"), 1);
}

/* Both were on their way when the first lifted the watch: the other one finds nothing withheld. */
static void of_two_that_hit_at_once_one_is_told(void **state)
{
	(void)state;
	says("mmu watch linux 5 r", "armed");
	assert_true(watch_hit(&vcpu[0], GPA(0x5000), MMU_R, false));
	assert_true(watch_hit(&vcpu[1], GPA(0x5008), MMU_W, false));
	assert_int_equal(lines, 1);
	/* Nor is it a hit of the next watch, if that is not about writes. */
	says("mmu watch linux 5 x", "armed");
	assert_true(watch_hit(&vcpu[1], GPA(0x5008), MMU_W, false));
	assert_int_equal(lines, 1);
	says("mmu watch linux", "armed");
}

/* A write that another track withholds is for its owner, and hits no watch of another kind. */
static void tracks_of_others_are_theirs(void **state)
{
	(void)state;
	assert_int_equal(mmu_track_add(&vm.mmu, GFN(5), MMU_W), 0);
	says("mmu watch linux 5 x", "armed");
	assert_false(watch_hit(&vcpu[0], GPA(0x5000), MMU_W, false));
	assert_int_equal(lines, 0);
	says("mmu watch linux 5 off", "");
	says("mmu watch linux 5 w", "armed");
	/* First the watch, then its owner. */
	assert_true(watch_hit(&vcpu[0], GPA(0x5000), MMU_W, false));
	assert_int_equal(lines, 1);
	assert_false(watch_hit(&vcpu[0], GPA(0x5000), MMU_W, false));
}

static void mistakes_are_said_in_a_sentence(void **state)
{
	char line[40];

	(void)state;
	assert_string_equal(run("mmu watch linux"), "");
	says("mmu watch linux 0xfffff", "error: frame 0xfffff of linux is not RAM");
	says("mmu watch linux 0x500 w", "error: frame 0x500 of linux is not RAM");
	says("mmu watch linux 0x10000000000005", "error: frame 0x10000000000005 of linux is not");
	says("mmu watch linux five", "error: five is not the number of a frame");
	says("mmu watch linux 5 rw", "error: rw is none of r, w, x and off");
	says("mmu watch linux 5 off", "error: frame 0x5 of linux is not watched");
	says("mmu watch linux 5 w", "armed");
	says("mmu watch linux 5 x", "error: frame 0x5 of linux is watched already");
	for (u32 i = 6; i < 5 + VM_MAX_WATCHES; i++) {
		snprintf(line, sizeof(line), "mmu watch linux %u", i);
		says(line, "armed");
	}
	says("mmu watch linux 0x80", "error: linux has 8 watches, which is all there can be");
	/* What was hit, or ended, makes room. */
	hits(0, 0x6000, MMU_R, "read");
	says("mmu watch linux 0x80", "armed");
	says("mmu watch linux 0x81", "error: linux has 8 watches");
	assert_string_equal(run("mmu watch linux 7 off"), "");
	says("mmu watch linux 0x81", "armed");
	vm.mmu.quota = vm.mmu.used;
	assert_string_equal(run("mmu watch linux 8 off"), "");
	says("mmu watch linux 0x201", "error: out of memory");
	assert_int_equal(mmu_tracked(&vm.mmu, GFN(0x201)), 0);
}

static void a_watch_that_was_lifted_leaves_nothing(void **state)
{
	u32 level;
	u64 hpa;

	(void)state;
	says("mmu watch linux 5 w", "armed");
	says("mmu watch linux 6 r", "armed");
	assert_string_equal(run("mmu watch linux 5 off"), "");
	hits(0, 0x6000, MMU_R, "read");
	assert_int_equal(sim_hw_walk(&vm.mmu, GPA(0x5000), &hpa, &level), MMU_R | MMU_W | MMU_X);
	assert_int_equal(level, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_read_watch_lets_code_run_where_it_can, intel,
						finish),
		cmocka_unit_test_setup_teardown(where_it_cannot_execution_counts_and_is_said, amd,
						finish),
		cmocka_unit_test_setup_teardown(writes_and_execution_alone, amd, finish),
		cmocka_unit_test_setup_teardown(walks_and_page_faults_are_told_as_what_they_are,
						amd, finish),
		cmocka_unit_test_setup_teardown(of_two_that_hit_at_once_one_is_told, amd, finish),
		cmocka_unit_test_setup_teardown(tracks_of_others_are_theirs, amd, finish),
		cmocka_unit_test_setup_teardown(mistakes_are_said_in_a_sentence, amd, finish),
		cmocka_unit_test_setup_teardown(a_watch_that_was_lifted_leaves_nothing, intel,
						finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
