/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: arch/smp.c tests/host/fake/cpu.c tests/host/fake/bug.c lib/log.c */
/* SOURCES: tests/host/fake/clock.c */
/*
 * A CPU is interrupted once for all that is asked of it until it has looked, with an NMI where an
 * interrupt may leave it in its guest; another CPU starts by INIT and as many SIPIs as it takes.
 */
#include "arch/smp.h"

#include <errno.h>
#include <stdlib.h>

#include "arch/cpufeat.h"
#include "arch/desc.h"
#include "arch/hostmap.h"
#include "arch/lapic.h"
#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/regs.h"
#include "arch/sched.h"
#include "arch/timerq.h"
#include "arch/trap.h"
#include "arch/tsc.h"
#include "tests/host/fake/cpu.h"

#include "tests/host/test.h"

#define APIC_ID 5

u32 cpu_features;

/* The code that another CPU starts with: two bytes, and room for its arguments. */
__asm__(".pushsection .rodata\n\t"
	".globl ap_start, ap_args, ap_end\n"
	"ap_start: .byte 0x90, 0x90\n"
	"ap_args: .fill 24\n"
	"ap_end:\n\t"
	".popsection");

/* What this CPU has sent, in order: one letter for each. */
static char sent[16];
static u32 sent_to;
static u8 startup_page;

static void note(u32 apic_id, char what)
{
	size_t n = strlen(sent);

	assert_true(n + 1 < sizeof(sent));
	sent[n] = what;
	sent_to = apic_id;
}

void lapic_ipi(u32 apic_id, u8 vector)
{
	assert_int_equal(vector, VEC_REQUEST);
	note(apic_id, 'i');
}

void lapic_nmi(u32 apic_id)
{
	note(apic_id, 'n');
}

void lapic_send_init(u32 apic_id)
{
	note(apic_id, 'I');
}

static u32 starts_at; /* the SIPI that it hears; 0: none */

void lapic_send_sipi(u32 apic_id, u8 page)
{
	startup_page = page;
	note(apic_id, 'S');
	if (starts_at && --starts_at == 0)
		cpus[nr_cpus]->online = true;
}

void lapic_enable(void)
{
}

u32 lapic_id(void)
{
	return APIC_ID;
}

static void (*on_request)(u8 vector);

void trap_set_irq(u8 vector, void (*fn)(u8 vector))
{
	assert_int_equal(vector, VEC_REQUEST);
	on_request = fn;
}

static u32 pokes;

void sched_poke(void)
{
	pokes++;
}

void sched_idle(void)
{
	abort();
}

static int memory_left; /* calls that succeed */

static int take(void)
{
	return memory_left-- > 0 ? 0 : -ENOMEM;
}

int desc_alloc(struct cpu *c)
{
	(void)c;
	return take();
}

int timerq_init(struct cpu *c)
{
	(void)c;
	return take();
}

int sched_init(struct cpu *c)
{
	(void)c;
	return take();
}

void desc_load(struct cpu *c)
{
	(void)c;
}

static u64 waited_us;

void udelay(u64 us)
{
	waited_us += us;
}

static struct cpu new_cpu;
static u8 root[PAGE_SIZE], our_root[PAGE_SIZE], page[PAGE_SIZE] __aligned(PAGE_SIZE);
static u8 stack[STACK_SIZE];
static bool mapped, root_freed;

void *kzalloc(size_t size)
{
	assert_int_equal(size, sizeof(new_cpu));
	return take() ? NULL : memset(&new_cpu, 0, sizeof(new_cpu));
}

void *frames_alloc(u64 nr, u64 align, u64 limit)
{
	(void)align;
	assert_int_equal(nr, 1);
	assert_true(limit && limit <= SZ_4G); /* its CR3 has 32 bits at first */
	return take() ? NULL : root;
}

void frame_free(void *p)
{
	assert_ptr_equal(p, root);
	root_freed = true;
}

void *stack_alloc(void)
{
	return take() ? NULL : stack;
}

hpa_t hostmap_cr3(void)
{
	return ptr_hpa(our_root);
}

int hostmap_trampoline(hpa_t p, bool map)
{
	assert_ptr_equal(hpa_ptr(p), page);
	mapped = map;
	return map ? take() : 0;
}

static struct cpu other;

static int setup(void **state)
{
	(void)state;
	memory_left = 100;
	memset(&fake_cpu, 0, sizeof(fake_cpu));
	memset(page, 0, sizeof(page));
	other = (struct cpu){ .idx = 1, .apic_id = APIC_ID };
	cpu_needs_nmi = mapped = root_freed = false;
	pokes = starts_at = 0;
	waited_us = 0;
	smp_early_init();
	assert_int_equal(smp_boot_cpu(), 0);
	memset(sent, 0, sizeof(sent));
	return 0;
}

static void one_interrupt_is_enough_until_it_has_been_taken(void **state)
{
	(void)state;
	cpu_request(&other, CPU_REQ_KICK);
	assert_string_equal(sent, "i");
	assert_int_equal(sent_to, APIC_ID);
	cpu_request(&other, CPU_REQ_KICK);
	cpu_request(&other, CPU_REQ_RESCHED);
	assert_string_equal(sent, "i");
	assert_int_equal(other.requests, CPU_REQ_KICK | CPU_REQ_RESCHED);
	other.requests = 0;
	cpu_request(&other, CPU_REQ_KICK);
	assert_string_equal(sent, "ii");
}

/* It is out of guest mode, and would take the interrupt for nothing. */
static void no_cpu_interrupts_itself(void **state)
{
	(void)state;
	cpu_needs_nmi = true;
	cpu_request(&fake_cpu, CPU_REQ_KICK);
	assert_string_equal(sent, "");
	assert_int_equal(fake_cpu.requests, 0);
}

static void handler_takes_all_requests_and_looks_at_the_run_queue(void **state)
{
	(void)state;
	fake_cpu.requests = CPU_REQ_KICK | CPU_REQ_RESCHED;
	assert_non_null(on_request);
	on_request(VEC_REQUEST);
	assert_int_equal(fake_cpu.requests, 0);
	assert_int_equal(pokes, 1);
}

/* Who waits for a flush asks again, whether or not the first interrupt was seen. */
static void interrupt_can_be_sent_once_more(void **state)
{
	(void)state;
	cpu_request(&other, CPU_REQ_KICK);
	cpu_interrupt(&other);
	assert_string_equal(sent, "ii");
	assert_int_equal(sent_to, APIC_ID);
}

/* The NMI ends the guest, and the window after that exit takes the interrupt: it must be there. */
static void nmi_follows_the_interrupt_where_one_is_needed(void **state)
{
	(void)state;
	cpu_needs_nmi = true;
	cpu_request(&other, CPU_REQ_KICK);
	assert_string_equal(sent, "in");
	assert_int_equal(sent_to, APIC_ID);
	cpu_request(&other, CPU_REQ_RESCHED);
	assert_string_equal(sent, "in");
	cpu_interrupt(&other);
	assert_string_equal(sent, "inin");
}

static void boot_cpu_has_the_protections_that_the_cpu_offers(void **state)
{
	(void)state;
	fake_cr0 = CR0_PE | CR0_PG | CR0_EM | CR0_TS | CR0_CD | CR0_NW;
	fake_cr4 = CR4_PAE;
	cpu_features = 0;
	assert_int_equal(smp_boot_cpu(), 0);
	assert_int_equal(fake_cr0, CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_MP);
	assert_int_equal(fake_cr4,
			 CR4_PAE | CR4_PGE | CR4_DE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT);
	cpu_features = BIT32(CPU_SMEP) | BIT32(CPU_SMAP) | BIT32(CPU_UMIP) | BIT32(CPU_XSAVE);
	assert_int_equal(smp_boot_cpu(), 0);
	assert_true(fake_cr4 & CR4_SMEP && fake_cr4 & CR4_SMAP && fake_cr4 & CR4_UMIP &&
		    fake_cr4 & CR4_OSXSAVE);
}

static void boot_cpu_needs_all_of_its_tables(void **state)
{
	(void)state;
	for (int enough = 0; enough < 3; enough++) {
		memory_left = enough;
		assert_int_equal(smp_boot_cpu(), -ENOMEM);
	}
}

static void cpu_that_starts_counts_and_its_page_is_free_again(void **state)
{
	struct {
		u32 cr3, rsvd;
		u64 stack_top, entry;
	} args;

	(void)state;
	starts_at = 1;
	our_root[7] = 0x77;
	assert_int_equal(smp_start(APIC_ID, ptr_hpa(page)), 0);
	assert_string_equal(sent, "IS");
	assert_int_equal(startup_page, (u8)((u64)page >> PAGE_SHIFT));
	assert_int_equal(nr_cpus, 2);
	assert_ptr_equal(cpus[1], &new_cpu);
	assert_int_equal(new_cpu.idx, 1);
	assert_ptr_equal(new_cpu.self, &new_cpu);
	assert_true(root_freed && !mapped);
	/* What it found there. */
	assert_int_equal(page[0], 0x90);
	memcpy(&args, page + 2, sizeof(args));
	assert_int_equal(args.cr3, (u32)(u64)root);
	assert_int_equal(args.stack_top, (u64)stack + STACK_SIZE);
	assert_true(args.entry);
	assert_int_equal(root[7], 0x77);
}

static void second_startup_is_for_a_cpu_that_missed_the_first(void **state)
{
	(void)state;
	starts_at = 2;
	assert_int_equal(smp_start(APIC_ID, ptr_hpa(page)), 0);
	assert_string_equal(sent, "ISS");
	assert_true(waited_us >= 10000);
}

/* It may come later, so all that it would use stays. */
static void cpu_that_does_not_come_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(smp_start(APIC_ID, ptr_hpa(page)), -EIO);
	assert_string_equal(sent, "ISS");
	assert_int_equal(nr_cpus, 1);
	assert_true(mapped);
	assert_false(root_freed);
}

static void cpu_without_memory_is_not_started(void **state)
{
	(void)state;
	for (int enough = 0; enough < 7; enough++) {
		memory_left = enough;
		assert_int_equal(smp_start(APIC_ID, ptr_hpa(page)), -ENOMEM);
	}
	nr_cpus = MAX_CPUS;
	assert_int_equal(smp_start(APIC_ID, ptr_hpa(page)), -ENOSPC);
	assert_string_equal(sent, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_interrupt_is_enough_until_it_has_been_taken, setup),
		cmocka_unit_test_setup(no_cpu_interrupts_itself, setup),
		cmocka_unit_test_setup(handler_takes_all_requests_and_looks_at_the_run_queue,
				       setup),
		cmocka_unit_test_setup(interrupt_can_be_sent_once_more, setup),
		cmocka_unit_test_setup(nmi_follows_the_interrupt_where_one_is_needed, setup),
		cmocka_unit_test_setup(boot_cpu_has_the_protections_that_the_cpu_offers, setup),
		cmocka_unit_test_setup(boot_cpu_needs_all_of_its_tables, setup),
		cmocka_unit_test_setup(cpu_that_starts_counts_and_its_page_is_free_again, setup),
		cmocka_unit_test_setup(second_startup_is_for_a_cpu_that_missed_the_first, setup),
		cmocka_unit_test_setup(cpu_that_does_not_come_is_left_out, setup),
		cmocka_unit_test_setup(cpu_without_memory_is_not_started, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
