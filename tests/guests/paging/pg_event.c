/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_event: exceptions and interrupts whose delivery goes through pages that nobody has used yet.
 *
 * The IDT, the GDT, the task state and the stack of the handler lie, for the CPU, at addresses
 * whose tables are new. A hypervisor without nested paging then faults in the midst of the
 * delivery: it has to map what is missing and to deliver the event again, once, with its error code
 * and with CR2 as it was. The guest must see an accessed bit where the CPU read and a dirty bit
 * where it pushed. Where the guest's own tables lack the page, the guest gets its page fault or
 * double fault.
 *
 * Sources: Intel SDM 3A "Interrupt 14", "Interrupt 8", "Conditions for Generating a Double Fault".
 */

#include "tests/guests/paging/paging.h"

#include <string.h>

#define VECTOR 0x46
#define PAGES  6 /* of the stack around the stack pointer */
#define ROUNDS 20

struct pointer {
	u16 limit;
	unsigned long base;
} __packed;

static u64 root;
static volatile u32 interrupts, doubles;
static volatile u64 double_cr2;

static unsigned long stack_pointer(void)
{
	return (unsigned long)__builtin_frame_address(0);
}

/* New tables that show some pages of the program at `to` as well. */
static void alias(va_t to, const void *what, u32 pages, u64 flags)
{
	u64 frame = ALIGN_DOWN((uintptr_t)what, PAGE_SIZE);

	root = pg_space();
	for (u32 i = 0; i < pages; i++)
		pg_map(root, to + i * (va_t)PAGE_SIZE, frame + i * PAGE_SIZE, flags, 1);
	pg_load(root);
}

static void drop(void)
{
	pg_load_kernel();
	pg_space_free(root);
}

static void on_interrupt(struct frame *f)
{
	(void)f;
	interrupts++;
	apic_write(APIC_EOI, 0);
}

/* Everything that can be delivered, each over new tables. */
enum event {
	UNDEFINED,
	PAGE_FAULT,
	SOFTWARE,
	INTERRUPT,
	USER_FAULT,
	USER_CALL,
	EVENTS,
};

static const char *const event_names[EVENTS] = { "undefined", "page_fault", "software",
						 "interrupt", "user_fault", "user_call" };

static bool lost(enum event e)
{
	return (e == SOFTWARE || e == USER_CALL) && int_n_lost();
}

/* Raises it; true if it came as it should, once. */
static bool raise(enum event e)
{
	va_t nowhere = pg_va(20 * pg_page_size(2)) + 0x123;
	u32 before = interrupts;
	struct caught *c = caught();

	switch (e) {
	case UNDEFINED:
		return PROBE("ud2", , ) == EXC_UD;
	case PAGE_FAULT:
		return pg_kernel(PG_WRITE, nowhere) == EXC_PF && c->error == PFEC_W &&
		       c->cr2 == nowhere;
	case SOFTWARE:
		__asm__ volatile("int %0" : : "i"(VECTOR) : "memory");
		return interrupts == before + 1;
	case INTERRUPT:
		apic_ipi(0, ICR_SELF | VECTOR);
		for (u32 i = 0; i < 1000000 && interrupts == before; i++)
			sti_nop();
		return interrupts == before + 1;
	case USER_FAULT:
		return pg_user(PG_READ, nowhere) == EXC_PF && c->error == PFEC_U &&
		       c->cr2 == nowhere;
	default:
		return pg_user(PG_READ, (va_t)(uintptr_t)pg_stubs) == NO_TRAP;
	}
}

/* Tells how often an event did not come as it should. */
static void report(const u32 wrong[EVENTS], u32 first)
{
	for (u32 e = first; e < EVENTS; e++)
		if (lost(e))
			pg_skip(event_names[e], INT_N_LOST);
		else
			pg_check(!wrong[e], event_names[e], "%u of %u came otherwise", wrong[e],
				 ROUNDS);
}

static void load_idt(unsigned long base)
{
	struct pointer p = { 256 * 2 * sizeof(long) - 1, base };

	__asm__ volatile("lidt %0" : : "m"(p));
}

static void load_gdt(unsigned long base)
{
	struct pointer p = { 24 * 8 - 1, base };

	__asm__ volatile("lgdt %0" : : "m"(p));
}

static void idt(void)
{
	u32 wrong[EVENTS] = { 0 };
	u64 a_missing = 0;

	for (u32 i = 0; i < ROUNDS; i++)
		for (u32 e = 0; e < EVENTS; e++) {
			if (lost(e))
				continue;
			alias(pg_va(0), idt_address(), 1, PTE_P);
			load_idt(pg_va(0));
			wrong[e] += !raise(e);
			a_missing += !(pg_get(pg_slot(root, pg_va(0), 1)) & PTE_A);
			load_idt((uintptr_t)idt_address());
			drop();
		}
	report(wrong, 0);
	pg_check(!a_missing, "accessed", "%u times not set", (u32)a_missing);
}

static void descriptors(void)
{
	u32 wrong[EVENTS] = { 0 };
	unsigned long offset = (uintptr_t)gdt & (PAGE_SIZE - 1);

	for (u32 i = 0; i < ROUNDS; i++)
		for (u32 e = 0; e < EVENTS; e++) {
			if (lost(e))
				continue;
			alias(pg_va(0), gdt, 2, PTE_KERNEL);
			load_gdt(pg_va(0) + offset);
			wrong[e] += !raise(e);
			load_gdt((uintptr_t)gdt);
			drop();
		}
	report(wrong, 0);
}

/* The task register with another base of the same task state. */
static void load_task(unsigned long base)
{
	u64 low = (u64)base;

	gdt[SEL_TSS / 8] = (sizeof(struct tss) - 1) | (low & 0xffffff) << 16 | 0x89ULL << 40 |
			   (low >> 24 & 0xff) << 56;
	if (sizeof(long) == 8)
		gdt[SEL_TSS / 8 + 1] = low >> 32;
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

static void task_state(void)
{
	u32 wrong[EVENTS] = { 0 };
	unsigned long offset = (uintptr_t)tss & (PAGE_SIZE - 1);

	for (u32 i = 0; i < ROUNDS; i++)
		for (u32 e = 0; e < EVENTS; e++) {
			if (lost(e))
				continue;
			alias(pg_va(0), tss, 2, PTE_P);
			load_task(pg_va(0) + offset);
			wrong[e] += !raise(e);
			load_task((uintptr_t)tss);
			drop();
		}
	report(wrong, 0);
}

/* What comes from user mode pushes on a page that is new, and dirty afterwards. */
static void stack(void)
{
	unsigned long page = (unsigned long)PAGE_SIZE;
	unsigned long low = (stack_pointer() & -page) - (PAGES - 2) * page;
	u32 wrong[EVENTS] = { 0 }, clean = 0;

	for (u32 i = 0; i < ROUNDS; i++)
		for (u32 e = USER_FAULT; e < EVENTS; e++) {
			bool dirty = false;

			if (lost(e))
				continue;
			alias(pg_va(0), at(low), PAGES, PTE_KERNEL);
			pg_stack_shift = pg_va(0) - low;
			wrong[e] += !raise(e);
			pg_stack_shift = 0;
			for (u32 k = 0; k < PAGES; k++)
				dirty |= pg_get(pg_slot(root, pg_va(k * PAGE_SIZE), 1)) & PTE_D;
			clean += !dirty;
			drop();
		}
	report(wrong, USER_FAULT);
	pg_check(!clean, "dirty", "%u times not set", clean);
}

#ifdef __x86_64__
static void on_double(struct frame *f)
{
	doubles++;
	double_cr2 = read_cr2();
	/* back to where a call from user mode goes; the registers are still its */
	f->rip = (uintptr_t)pg_user_back;
	f->cs = SEL_CODE;
	f->ss = SEL_DATA;
	f->rflags = RFLAGS_ONE;
	f->rsp = f->r12;
}

/*
 * The stack of the handler is absent in the guest's own tables: a page fault there is a double
 * fault.
 */
static void absent_stack(void)
{
	static u8 spare[4096] __aligned(16);
	va_t nowhere = pg_va(20 * pg_page_size(2));
	u32 wrong = 0;

	tss[0].ist[0] = (uintptr_t)(spare + sizeof(spare));
	idt_set(EXC_DF, 1, 0);
	trap_set(EXC_DF, on_double);
	for (u32 i = 1; i <= ROUNDS; i++) {
		root = pg_space();
		pg_load(root);
		pg_stack_shift = pg_va(0) - ALIGN_DOWN(stack_pointer(), PAGE_SIZE) + 0x10000;
		pg_user(PG_READ, nowhere);
		wrong += doubles != i || double_cr2 < pg_va(0) || double_cr2 >= pg_va(SZ_1M);
		pg_stack_shift = 0;
		drop();
	}
	pg_check(!wrong, "double_fault", "%u of %u otherwise; %u came, CR2 0x%llx", wrong, ROUNDS,
		 doubles, (unsigned long long)double_cr2);
	trap_set(EXC_DF, NULL);
	idt_set(EXC_DF, 0, 0);
	doubles = 0;
}
#endif

/* The gate is absent in the guest's own tables: its interrupt becomes a page fault. */
static void absent_gate(void)
{
	static u8 gates[4096] __aligned(4096);
	const u32 present = 32 * 2 * sizeof(long); /* bytes of the exceptions' gates */
	u32 wrong = 0;
	int vector = 0;

	if (lost(SOFTWARE)) {
		pg_skip("page_fault", INT_N_LOST);
		return;
	}
	for (u32 i = 0; i < ROUNDS; i++) {
		root = pg_space();
		memcpy(gates + PAGE_SIZE - present, idt_address(), present);
		pg_map(root, pg_va(0), (uintptr_t)gates, PTE_P, 1);
		pg_load(root);
		load_idt(pg_va(PAGE_SIZE) - present);
		vector = PROBE("int %0", , "i"(VECTOR));
		wrong += vector != EXC_PF || caught()->error != 0 ||
			 caught()->cr2 < pg_va(PAGE_SIZE) || caught()->cr2 > pg_va(2 * PAGE_SIZE);
		load_idt((uintptr_t)idt_address());
		drop();
	}
	pg_check(!wrong, "page_fault", "%u of %u otherwise; the last: vector %d, error 0x%x", wrong,
		 ROUNDS, vector, caught()->error);
}

static const struct pg_scene scenes[] = {
	{ "idt", idt },
	{ "gdt", descriptors },
	{ "task_state", task_state },
	{ "stack", stack },
	{ "absent_gate", absent_gate },
#ifdef __x86_64__
	{ "absent_stack", absent_stack },
#endif
};

void guest_main(void)
{
	trap_set(VECTOR, on_interrupt);
	pg_run(scenes, ARRAY_SIZE(scenes));
}
