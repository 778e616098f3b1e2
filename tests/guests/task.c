/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task: hardware task switches.
 *
 * In 32-bit protected mode without paging, with two-level and with PAE paging, task A jumps to and
 * calls task B, directly, through a task gate, by INTn, an interrupt and exceptions with and
 * without error codes; B returns by IRET or a jump. The new task must find the state of its TSS
 * with NT, TS, the link and the busy bits as the kind of switch demands, the old one everything as
 * it was; CR3 and LDTR go with the task; 16-bit tasks and tasks in virtual-8086 mode and in ring 3
 * run. What is wrong with the new TSS is the old task's fault, what is wrong with the state in it
 * the new task's. For a hypervisor that shadows page tables all of this is software.
 * Source: Intel SDM 3A "Task Management"; AMD APM 2 "Task Management".
 */

#include "tests/guests/lib/guest.h"

#include <stdio.h>
#include <string.h>

#define CR0_FLAT  (CR0_PE | CR0_ET | CR0_NE)
#define CR0_PAGED (CR0_FLAT | CR0_PG | CR0_WP)
#define WINDOW    0x2000000U /* maps another frame in B's address space; the next page is missing */
#define LOW_CODE  0x9000U
#define LOW_DATA  0x8f00U
#define LOW_STACK 0x8e00U

enum {
	SEL_UDATA32 = 0x33,
	SEL_UCODE32 = 0x3b,
	TASK_A = 0x40,
	TASK_B = 0x48,
	TASK_C = 0x50,
	TASK_16 = 0x58,
	SEL_LDT = 0x60,
	GATE_B = 0x68,
	TASK_X = 0x70,
	SEL_TEST = 0x78,
	GDT_NR = 16,
};

enum how {
	HOW_IRET,
	HOW_JMP_A,
	HOW_EXIT,
	HOW_CALL_C,
	HOW_INT,
};

u32 mode_call(u64 cr0, u64 cr3, u64 cr4, u64 efer, u64 entry);

struct tss32 {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 gpr[8]; /* AX CX DX BX SP BP SI DI */
	u32 seg[6]; /* ES CS SS DS FS GS */
	u32 ldt;
	u16 trap, iomap;
};

struct tss16 {
	u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, gpr[8], seg[4], ldt;
};

static_assert(sizeof(struct tss32) == 104 && sizeof(struct tss16) == 44, "the manuals' sizes");

/* What a task saw; tests/guests/lib/task.S knows the offsets. */
struct seen {
	u32 gpr[8];
	u32 eflags, tr, cr3, cr0;
	u32 ds, es, fs, gs, ss, cs;
	u32 ldt, dr7, window, stack, cr2, count;
	u32 how, skip, eoi, skip_tss, pops; /* what it is to do */
	u32 unused[3];
};

static_assert(sizeof(struct seen) == 128, "tests/guests/lib/task.S");

struct trap32 {
	u32 vector, error, eip, cs, eflags, tr, cr2, dr6;
};

extern u32 task_action, task_after[8], task_ring0[4];
extern volatile struct trap32 task_trap;
extern struct seen task_seen[4]; /* by number: A, B, C, 16 */

struct pointer {
	u16 limit;
	u32 base;
} __packed;

extern struct pointer task_gdtr, task_idtr;
extern u8 task_main[], task_exit[], task_body[], task_vectors[], task_ring0_entry[];
extern u8 task_low[], task_low_end[], task16[], task86[], at_hlt86[];
extern u8 next_iret_body[], next_jmp_body[];

#define ACTION(name) extern u8 act_##name[], at_##name[], next_##name[];
ACTION(jmp)
ACTION(call)
ACTION(twice)
ACTION(gate)
ACTION(x)
ACTION(int)
ACTION(int3)
ACTION(irq)
ACTION(nmi)
ACTION(ud)
ACTION(gp)
ACTION(pf)
ACTION(iret)

static struct tss32 tss_a, tss_b, tss_c __aligned(128);
static struct tss16 tss_16 __aligned(64);
static u64 gdt32[GDT_NR] __aligned(16), idt32[256] __aligned(16), ldt[4] __aligned(16);
static u8 stacks[4][2048] __aligned(16);
static u8 frames[2][4096] __aligned(4096);

/* Two address spaces in two formats. */
static u32 root2[2][1024] __aligned(4096), table2[2][1024] __aligned(4096);
static u64 root3[2][4] __aligned(32), bad_root[4] __aligned(32);
static u64 dir3[2][512] __aligned(4096), table3[2][512] __aligned(4096);

static const struct mode {
	const char *name;
	u64 cr0, cr4;
	void *space[2];
} modes[] = {
	{ "flat", CR0_FLAT, 0, { NULL, NULL } },
	{ "paged", CR0_PAGED, CR4_PSE, { root2[0], root2[1] } },
	{ "pae", CR0_PAGED, CR4_PAE, { root3[0], root3[1] } },
};

static const struct mode *mode;

static u32 addr(const void *p)
{
	return (u32)(u64)p;
}

static u64 descriptor(u32 base, u32 limit, u32 attr)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
	       (u64)(limit >> 16) << 48 | (u64)(attr >> 8) << 52 | (u64)(base >> 24) << 56;
}

static u64 gate(u32 sel, u32 off, u32 attr)
{
	return (off & 0xffff) | (u64)sel << 16 | (u64)attr << 40 | (u64)(off >> 16) << 48;
}

#define TASK_GATE(sel) gate(sel, 0, 0xe5) /* DPL 3 */

static void make_spaces(void)
{
	for (u32 s = 0; s < 2; s++) {
		for (u32 i = 0; i < 4; i++)
			root2[s][i] = i << 22 | 0x87;
		root2[s][WINDOW >> 22] = addr(table2[s]) | 7;
		table2[s][0] = addr(frames[s]) | 7;
		root2[s][0xfee00000U >> 22] = 0xfec00000U | 0x9b;
		for (u64 i = 0; i < 8; i++)
			dir3[s][i] = i << 21 | 0x87;
		dir3[s][WINDOW >> 21] = addr(table3[s]) | 7;
		table3[s][0] = addr(frames[s]) | 7;
		root3[s][0] = addr(dir3[s]) | 1;
		root3[s][3] = addr(page_l2 + 3 * 512) | 1; /* devices */
		memset(frames[s], (int)(0x11 * (s + 1)), 4096);
	}
}

static void fresh_task(struct tss32 *t, u32 nr, u32 space)
{
	*t = (struct tss32){
		.esp0 = addr(stacks[nr]) + 1024,
		.ss0 = SEL_DATA,
		.cr3 = addr(mode->space[space]),
		.eip = addr(task_body),
		.eflags = 2,
		.seg = { SEL_DATA, SEL_CODE32, SEL_DATA, SEL_DATA, 0, SEL_DATA },
		.iomap = sizeof(*t),
	};
	for (u32 i = 0; i < 8; i++)
		t->gpr[i] = (0xb0U + nr) << 24 | i;
	t->gpr[4] = addr(stacks[nr]) + 2048;
	memset(&task_seen[nr], 0, sizeof(task_seen[nr]));
}

static void fresh_tables(void)
{
	memcpy(gdt32, gdt, 6 * sizeof(u64));
	gdt32[SEL_UDATA32 / 8] = 0x00cff3000000ffff;
	gdt32[SEL_UCODE32 / 8] = 0x00cffb000000ffff;
	gdt32[TASK_A / 8] = descriptor(addr(&tss_a), sizeof(tss_a) - 1, 0x89);
	gdt32[TASK_B / 8] = descriptor(addr(&tss_b), sizeof(tss_b) - 1, 0x89);
	gdt32[TASK_C / 8] = descriptor(addr(&tss_c), sizeof(tss_c) - 1, 0x89);
	gdt32[TASK_16 / 8] = descriptor(addr(&tss_16), sizeof(tss_16) - 1, 0x81);
	gdt32[SEL_LDT / 8] = descriptor(addr(ldt), sizeof(ldt) - 1, 0x82);
	gdt32[GATE_B / 8] = TASK_GATE(TASK_B);
	gdt32[TASK_X / 8] = gdt32[SEL_TEST / 8] = 0;
	memset(idt32, 0, sizeof(idt32));
	for (u32 i = 0; i < 32; i++)
		idt32[i] = gate(SEL_CODE32, addr(task_vectors) + i * 16, 0x8e);
	idt32[0x40] = gate(SEL_CODE32, addr(task_ring0_entry), 0xee);
	idt32[0x41] = TASK_GATE(TASK_B);
	task_gdtr = (struct pointer){ sizeof(gdt32) - 1, addr(gdt32) };
	task_idtr = (struct pointer){ sizeof(idt32) - 1, addr(idt32) };
}

/* Everything as at the start of a test. */
static void fresh(void)
{
	fresh_tables();
	fresh_task(&tss_a, 0, 0);
	fresh_task(&tss_b, 1, 0);
	fresh_task(&tss_c, 2, 0);
	memset(task_after, 0, sizeof(task_after));
	memset(task_ring0, 0, sizeof(task_ring0));
	task_trap = (struct trap32){ .vector = 0xff };
}

/* Goes to 32-bit mode, runs the action as task A, and takes the TSS of 64-bit mode again. */
static void run(const u8 *action)
{
	struct {
		u16 limit;
		u64 base;
	} __packed pointer = { 0xbf, (u64)gdt };

	task_action = addr(action);
	mode_call(mode->cr0, addr(mode->space[0]), mode->cr4, 0, addr(task_main));
	__asm__ volatile("lgdt %0" : : "m"(pointer));
	gdt[SEL_TSS / 8] &= ~(2ULL << 40);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

static const char *name_of(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "task.%s.%s", mode->name, name);
	return text;
}

/* What TCG or Bochs does wrong; under shadow paging the hypervisor does it. */
static void erratum(bool holds, const char *name, const char *reason)
{
	if (strstr(boot_args(), "paging=shadow"))
		check(holds, name, "%s", reason);
	else
		check_known(CPU_TCG | BOCHS_SVM, holds, name, reason);
}

/* Bochs' own switches stop it, or say another byte. VMX leaves all of a guest's switches to the
 * hypervisor. */
static bool bochs_switches(void)
{
	return runs_on(BARE_BOCHS | BOCHS_SVM) && !strstr(boot_args(), "paging=shadow");
}

static bool busy(u32 sel)
{
	return gdt32[sel / 8] & 2ULL << 40;
}

static void no_trap(const char *name)
{
	if (task_trap.vector != 0xff)
		say("# %s: exception %u, error 0x%x, EIP 0x%x, task 0x%x, CR2 0x%x\n",
		    name_of(name), task_trap.vector, task_trap.error, task_trap.eip, task_trap.tr,
		    task_trap.cr2);
}

/* A is where it was, with its registers. */
static void check_back(const char *name, const u8 *next)
{
	bool same = true;

	for (u32 i = 0; i < 8; i++)
		same &= i == 4 || task_after[i] == 0xa0000000 + i;
	no_trap(name);
	check(same && tss_a.eip == addr(next) && tss_a.gpr[3] == 0xa0000003 &&
		      tss_a.gpr[4] == task_after[4] && tss_a.seg[1] == SEL_CODE32,
	      name_of(name), "EAX 0x%x, EIP 0x%x, saved EBX 0x%x, ESP 0x%x", task_after[0],
	      tss_a.eip, tss_a.gpr[3], tss_a.gpr[4]);
}

/* B ran n times and had the state of its TSS the first time. */
static void check_b(const char *name, u32 n, bool nested)
{
	const struct seen *s = &task_seen[1];
	bool same = s->count == n && s->tr == TASK_B && s->ds == SEL_DATA && s->fs == 0;

	for (u32 i = 0; i < 8 && n == 1; i++)
		same &= i == 4 || s->gpr[i] == 0xb1000000 + i;
	check(same && !(s->eflags & RFLAGS_NT) == !nested && (s->cr0 & CR0_TS), name_of(name),
	      "ran %u times, TR 0x%x, EAX 0x%x, EFLAGS 0x%x, CR0 0x%x", s->count, s->tr, s->gpr[0],
	      s->eflags, s->cr0);
}

static void jump(void)
{
	fresh();
	task_seen[1].how = HOW_JMP_A;
	run(act_jmp);
	check_b("jmp", 1, false);
	check_back("jmp_back", next_jmp);
	check(busy(TASK_A) && !busy(TASK_B) && tss_b.link == 0 && tss_b.eip == addr(next_jmp_body),
	      name_of("jmp_busy"), "A %d, B %d, link 0x%x, EIP 0x%x", busy(TASK_A), busy(TASK_B),
	      tss_b.link, tss_b.eip);
}

static void call(void)
{
	fresh();
	run(act_call);
	check_b("call", 1, true);
	check_back("iret_back", next_call);
	check(busy(TASK_A) && !busy(TASK_B) && tss_b.link == TASK_A &&
		      tss_b.eip == addr(next_iret_body) && !(tss_b.eflags & RFLAGS_NT),
	      name_of("iret_busy"), "A %d, B %d, link 0x%x, EIP 0x%x, EFLAGS 0x%x", busy(TASK_A),
	      busy(TASK_B), tss_b.link, tss_b.eip, tss_b.eflags);
	fresh();
	run(act_twice);
	check_b("call_again", 2, true);
	fresh();
	task_seen[1].how = HOW_EXIT;
	run(act_call);
	check(busy(TASK_A) && busy(TASK_B) && tss_a.eip == addr(next_call), name_of("call_busy"),
	      "A %d, B %d, EIP 0x%x", busy(TASK_A), busy(TASK_B), tss_a.eip);
	fresh();
	run(act_gate);
	check_b("gate", 1, true);
	check_back("gate_back", next_gate);
	fresh();
	task_seen[1].how = HOW_CALL_C;
	run(act_call);
	check_back("nested", next_call);
	check(task_seen[2].count == 1 && tss_c.link == TASK_B && tss_b.link == TASK_A,
	      name_of("nested_links"), "%u runs of C, links 0x%x 0x%x", task_seen[2].count,
	      tss_c.link, tss_b.link);
}

static void int_n(void)
{
	if (int_n_lost()) {
		skip(name_of("int"), INT_N_LOST);
		return;
	}
	fresh();
	run(act_int);
	check_b("int", 1, true);
	check_back("int_back", next_int);
}

static void events(void)
{
	fresh();
	idt32[EXC_BP] = TASK_GATE(TASK_B);
	run(act_int3);
	check_b("int3", 1, true);
	check_back("int3_back", next_int3);
	fresh();
	idt32[0x42] = TASK_GATE(TASK_B);
	task_seen[1].eoi = 1;
	run(act_irq);
	no_trap("irq");
	check_b("irq", 1, true);
	check(tss_a.eip > addr(at_irq) && tss_a.eip < addr(next_irq) &&
		      (tss_a.eflags & RFLAGS_IF) && !(task_seen[1].eflags & RFLAGS_IF),
	      name_of("irq_back"), "EIP 0x%x behind 0x%x, EFLAGS 0x%x", tss_a.eip, addr(at_irq),
	      tss_a.eflags);
}

/* The second one comes in only if the IRET of the first has let it. */
static void nmi(void)
{
	fresh();
	idt32[EXC_NMI] = TASK_GATE(TASK_B);
	run(act_nmi);
	no_trap("nmi");
	check_b("nmi", 2, true);
	check(tss_a.eip > addr(at_nmi) && tss_a.eip <= addr(next_nmi), name_of("nmi_back"),
	      "EIP 0x%x behind 0x%x", tss_a.eip, addr(at_nmi));
}

/* B repairs A's EIP, and takes the error code off its stack if there is one. */
static void fault_task(u8 vector, const u8 *at, const u8 *next)
{
	fresh();
	idt32[vector] = TASK_GATE(TASK_B);
	task_seen[1].skip = (u32)(next - at);
	task_seen[1].skip_tss = addr(&tss_a);
	task_seen[1].pops = vector != EXC_UD;
	if (vector == EXC_GP) /* leave a trace of where the fault was */
		task_seen[1].skip = 0, task_seen[1].how = HOW_EXIT;
}

static void exceptions(void)
{
	const struct seen *s = &task_seen[1];

	fault_task(EXC_UD, at_ud, next_ud);
	run(act_ud);
	check_b("ud", 1, true);
	check_back("ud_back", next_ud);
	erratum(tss_a.eflags & RFLAGS_RF, name_of("ud_rf"),
		"RF is 0 in the TSS of a task that faulted");
	fault_task(EXC_GP, at_gp, next_gp);
	run(act_gp);
	check(s->count == 1 && s->stack == 0x1000 && s->gpr[4] == addr(stacks[1]) + 2044 &&
		      tss_a.eip == addr(at_gp),
	      name_of("gp_error_code"), "%u, 0x%x on the stack at 0x%x, EIP 0x%x not 0x%x",
	      s->count, s->stack, s->gpr[4], tss_a.eip, addr(at_gp));
	fresh();
	idt32[EXC_DF] = TASK_GATE(TASK_B);
	idt32[EXC_GP] = 0;
	task_seen[1].how = HOW_EXIT;
	run(act_gp);
	check(s->count == 1 && s->stack == 0 && s->gpr[4] == addr(stacks[1]) + 2044,
	      name_of("df_error_code"), "%u, 0x%x on the stack at 0x%x", s->count, s->stack,
	      s->gpr[4]);
	if (!(mode->cr0 & CR0_PG))
		return;
	fault_task(EXC_PF, at_pf, next_pf);
	run(act_pf);
	check(s->count == 1 && s->stack == 0 && s->cr2 == WINDOW + 0x1000, name_of("pf"),
	      "%u, error code 0x%x, CR2 0x%x", s->count, s->stack, s->cr2);
	check(tss_a.eip == addr(next_pf), name_of("pf_back"), "EIP 0x%x", tss_a.eip);
}

static void state(void)
{
	const struct seen *s = &task_seen[1];

	if (mode->cr0 & CR0_PG) {
		fresh();
		tss_b.cr3 = addr(mode->space[1]);
		task_seen[1].how = HOW_CALL_C;
		run(act_call);
		check(s->cr3 == tss_b.cr3 && s->window == 0x22222222 &&
			      task_seen[2].window == 0x11111111,
		      name_of("cr3"), "CR3 0x%x, 0x%x and 0x%x in the window", s->cr3, s->window,
		      task_seen[2].window);
		check(tss_a.cr3 == addr(mode->space[0]), name_of("cr3_stays"), "0x%x", tss_a.cr3);
	}
	fresh();
	ldt[1] = 0x00cf93000000ffff;
	tss_b.ldt = SEL_LDT;
	tss_b.seg[5] = 0xc;
	run(act_call);
	check(s->ldt == SEL_LDT && s->gs == 0xc, name_of("ldt"), "LDTR 0x%x, GS 0x%x", s->ldt,
	      s->gs);
	fresh();
	tss_b.eflags = (u32)(RFLAGS_ONE | RFLAGS_IF | RFLAGS_DF | RFLAGS_AC);
	run(act_call);
	check((s->eflags & 0x44600) == (RFLAGS_NT | RFLAGS_AC | RFLAGS_IF | RFLAGS_DF),
	      name_of("eflags"), "0x%x", s->eflags);
}

/* Ring 3 and back by IRET; on the way an interrupt to ring 0 over the stack of B's TSS. */
static void ring3(void)
{
	const struct seen *s = &task_seen[1];

	fresh();
	tss_b.seg[0] = tss_b.seg[2] = tss_b.seg[3] = tss_b.seg[5] = SEL_UDATA32;
	tss_b.seg[1] = SEL_UCODE32;
	task_seen[1].how = HOW_INT;
	run(act_call);
	no_trap("ring3");
	check(s->count == 1 && s->cs == SEL_UCODE32 && s->ss == SEL_UDATA32, name_of("ring3"),
	      "%u, CS 0x%x, SS 0x%x", s->count, s->cs, s->ss);
	check(task_ring0[0] == 1 && task_ring0[1] == tss_b.esp0 - 24 && task_ring0[2] == SEL_DATA &&
		      task_ring0[3] == TASK_B,
	      name_of("ring3_to_0"), "%u, ESP 0x%x, SS 0x%x, TR 0x%x", task_ring0[0], task_ring0[1],
	      task_ring0[2], task_ring0[3]);
	check_back("ring3_back", next_call);
}

static void task_of_16_bits(void)
{
	volatile u16 *data = at(LOW_DATA);

	fresh();
	gdt32[TASK_B / 8] = gdt32[TASK_16 / 8];
	tss_16 = (struct tss16){ .ip = (u16)(LOW_CODE + (u32)(task16 - task_low)), .flags = 2 };
	for (u32 i = 0; i < 8; i++)
		tss_16.gpr[i] = (u16)(0x1600 + i);
	tss_16.gpr[4] = LOW_STACK;
	tss_16.seg[0] = tss_16.seg[2] = tss_16.seg[3] = SEL_DATA16;
	tss_16.seg[1] = SEL_CODE16;
	run(act_call);
	check_back("tss16_back", next_call);
	check(data[0] == 0x1600 && data[1] == 0x1603 && data[2] == LOW_STACK && data[3] == TASK_B &&
		      data[4] == 0 && (data[5] & RFLAGS_NT),
	      name_of("tss16"), "AX 0x%x, BX 0x%x, SP 0x%x, TR 0x%x, FS 0x%x, FLAGS 0x%x", data[0],
	      data[1], data[2], data[3], data[4], data[5]);
	check(tss_16.link == TASK_A && tss_16.gpr[0] == 0x1616 && !(tss_16.flags & RFLAGS_NT) &&
		      tss_16.seg[1] == SEL_CODE16,
	      name_of("tss16_saved"), "link 0x%x, AX 0x%x, FLAGS 0x%x", tss_16.link, tss_16.gpr[0],
	      tss_16.flags);
}

/* Its end is a task switch, which may be an exit. */
static void task_in_vm86(void)
{
	volatile u16 *data = at(LOW_DATA);

	if (runs_on(BOCHS_SVM) && strstr(boot_args(), "paging=shadow")) {
		skip(name_of("vm86"), "erratum: Bochs: an exit from virtual-8086 mode ends it");
		return;
	}
	fresh();
	memcpy(at(LOW_DATA + 0x40), "\x34\x12", 2);
	tss_b.eflags = 2 | (u32)RFLAGS_VM;
	tss_b.eip = LOW_CODE - 0x8000 + (u32)(task86 - task_low);
	tss_b.gpr[4] = LOW_STACK;
	tss_b.seg[0] = (LOW_DATA + 0x40) >> 4;
	tss_b.seg[1] = 0x800;
	tss_b.seg[2] = tss_b.seg[3] = 0;
	tss_b.seg[4] = 0x8686;
	idt32[EXC_GP] = TASK_GATE(TASK_C);
	task_seen[2].how = HOW_EXIT;
	run(act_call);
	no_trap("vm86");
	check(data[0] == 0 && data[1] == 0x800 && data[2] == 0x8686 && data[3] == 0x1234,
	      name_of("vm86"), "AX 0x%x, CS 0x%x, FS 0x%x, 0x%x read", data[0], data[1], data[2],
	      data[3]);
	check(task_seen[2].count == 1 && tss_c.link == TASK_B && (tss_b.eflags & RFLAGS_VM) &&
		      tss_b.seg[1] == 0x800 &&
		      tss_b.eip == LOW_CODE - 0x8000 + (u32)(at_hlt86 - task_low) &&
		      !(task_seen[2].eflags & RFLAGS_VM),
	      name_of("vm86_saved"), "%u, link 0x%x, EFLAGS 0x%x, EIP 0x%x", task_seen[2].count,
	      tss_c.link, tss_b.eflags, tss_b.eip);
}

static void low_tasks(void)
{
	memcpy(at(LOW_CODE), task_low, (size_t)(task_low_end - task_low));
	task_of_16_bits();
	task_in_vm86();
}

/* The action faults with this vector and error code in task tr at eip. */
static void expect(const char *name, const u8 *action, u8 vector, u32 error, u32 tr, u32 eip)
{
	run(action);
	check(task_trap.vector == vector && task_trap.error == error && task_trap.tr == tr &&
		      task_trap.eip == eip,
	      name_of(name),
	      "exception %u, error 0x%x, task 0x%x, EIP 0x%x; not %u, 0x%x, 0x%x, 0x%x",
	      task_trap.vector, task_trap.error, task_trap.tr, task_trap.eip, vector, error, tr,
	      eip);
}

/* In the old task: descriptor X is not what it should be. */
static void bad_x(const char *name, u64 desc, u8 vector)
{
	fresh();
	gdt32[TASK_X / 8] = desc;
	expect(name, act_x, vector, TASK_X, TASK_A, addr(at_x));
}

static void old_faults(void)
{
	u32 b = addr(&tss_b);

	bad_x("busy", descriptor(b, 103, 0x8b), EXC_GP);
	bad_x("not_present", descriptor(b, 103, 0x09), EXC_NP);
	bad_x("limit", descriptor(b, 102, 0x89), EXC_TS);
	bad_x("limit16", descriptor(addr(&tss_16), 42, 0x81), EXC_TS);
	fresh();
	tss_a.link = TASK_B; /* not busy */
	expect("iret_not_busy", act_iret, EXC_TS, TASK_B, TASK_A, addr(at_iret));
	fresh();
	tss_a.link = SEL_DATA;
	expect("iret_no_tss", act_iret, EXC_TS, SEL_DATA, TASK_A, addr(at_iret));
	if (!(mode->cr0 & CR0_PG))
		return;
	if (bochs_switches()) {
		skip(name_of("tss_not_mapped"), "erratum: Bochs: CR2 is inside the page");
		return;
	}
	fresh();
	gdt32[TASK_X / 8] = descriptor(WINDOW + 4096 - 50, 103, 0x89);
	run(act_x);
	check(task_trap.vector == EXC_PF && task_trap.tr == TASK_A &&
		      task_trap.cr2 == WINDOW + 4096 && task_trap.eip == addr(at_x) &&
		      !busy(TASK_X) && busy(TASK_A) && tss_a.eip == addr(task_body),
	      name_of("tss_not_mapped"), "exception %u, CR2 0x%x, task 0x%x, A %d, X %d",
	      task_trap.vector, task_trap.cr2, task_trap.tr, busy(TASK_A), busy(TASK_X));
}

static u32 wrong_eips;

/* In the new task, before its first instruction. */
static void bad_b(const char *name, u8 vector, u32 error)
{
	run(act_jmp);
	check(task_trap.vector == vector && task_trap.error == error && task_trap.tr == TASK_B,
	      name_of(name), "exception %u, error 0x%x, task 0x%x; not %u, 0x%x, 0x%x",
	      task_trap.vector, task_trap.error, task_trap.tr, vector, error, TASK_B);
	wrong_eips += task_trap.eip != tss_b.eip;
}

static void new_faults(void)
{
	wrong_eips = 0;
	fresh();
	tss_b.seg[1] = SEL_DATA;
	bad_b("cs_is_data", EXC_TS, SEL_DATA);
	fresh();
	tss_b.seg[1] = SEL_TEST;
	gdt32[SEL_TEST / 8] = 0x00cf1b000000ffff;
	bad_b("cs_not_present", EXC_NP, SEL_TEST);
	fresh();
	tss_b.seg[3] = SEL_TEST;
	gdt32[SEL_TEST / 8] = 0x00cf13000000ffff;
	bad_b("ds_not_present", EXC_NP, SEL_TEST);
	fresh();
	tss_b.seg[0] = 0x1000;
	bad_b("es_beyond_limit", EXC_TS, 0x1000);
	fresh();
	tss_b.ldt = SEL_DATA;
	bad_b("ldt_is_data", EXC_TS, SEL_DATA);
	if ((mode->cr4 & CR4_PAE) && bochs_switches()) {
		skip(name_of("pdpte_reserved"), "erratum: Bochs: it ends");
	} else if (mode->cr4 & CR4_PAE) {
		fresh();
		bad_root[0] = root3[0][0];
		bad_root[1] = root3[0][0] | 2;
		tss_b.cr3 = addr(bad_root);
		task_seen[1].how = HOW_EXIT;
		run(act_jmp);
		erratum(task_trap.vector == EXC_GP && task_trap.error == 0 &&
				task_trap.tr == TASK_B,
			name_of("pdpte_reserved"), "a reserved bit in a PDPTE raised no #GP");
	}
	fresh();
	tss_b.eip = 0x20000;
	tss_b.seg[1] = SEL_CODE16;
	bad_b("eip_beyond_limit", EXC_GP, 0);
	erratum(wrong_eips == 0, name_of("new_fault_eip"),
		"a fault of the new task does not have its EIP");
	/* Without a stack only a task can handle it. */
	fresh();
	tss_b.seg[2] = SEL_TEST;
	gdt32[SEL_TEST / 8] = 0x00cf13000000ffff;
	idt32[EXC_SS] = TASK_GATE(TASK_C);
	task_seen[2].how = HOW_EXIT;
	run(act_jmp);
	erratum(task_seen[2].count == 1 && task_seen[2].stack == SEL_TEST && tss_c.link == TASK_B,
		name_of("ss_not_present"), "#NP instead of #SS");
	fresh();
	tss_b.seg[2] = SEL_UDATA32;
	idt32[EXC_TS] = TASK_GATE(TASK_C);
	task_seen[2].how = HOW_EXIT;
	run(act_jmp);
	check(task_seen[2].count == 1 && task_seen[2].stack == (SEL_UDATA32 & ~3U) &&
		      tss_c.link == TASK_B && tss_b.seg[2] == SEL_UDATA32,
	      name_of("ss_of_ring3"), "%u, error 0x%x, link 0x%x, SS 0x%x", task_seen[2].count,
	      task_seen[2].stack, tss_c.link, tss_b.seg[2]);
}

static void debug(void)
{
	fresh();
	tss_b.trap = 1;
	run(act_jmp);
	erratum(task_trap.vector == EXC_DB && task_trap.tr == TASK_B && (task_trap.dr6 & BIT(15)) &&
			task_trap.eip == addr(task_body),
		name_of("trap_bit"), "the T bit of a TSS raised no #DB");
}

void guest_main(void)
{
	make_spaces();
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		mode = &modes[i];
		jump();
		call();
		int_n();
		events();
		nmi();
		exceptions();
		state();
		ring3();
		low_tasks();
		old_faults();
		new_faults();
		debug();
	}
}
