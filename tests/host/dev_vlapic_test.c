/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/dev/vlapic.c vm/dev/vlapic_regs.c vm/dev/vlapic_timer.c vm/dev/vapic_msg.c */
/* SOURCES: tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/bug.c */
/* The local APIC: priorities, messages, the timer's three modes, x2APIC, errors. */

#include "vm/dev/vlapic.h"

#include <errno.h>

#include "arch/mem.h"
#include "tests/host/fake/machine.h"
#include "tests/host/test.h"
#include "vm/dev/vapic_msg.h"
#include "vm/dev/vioapic.h"

enum {
	ID = 0x020,
	VERSION = 0x030,
	TPR = 0x080,
	PPR = 0x0a0,
	EOI = 0x0b0,
	LDR = 0x0d0,
	DFR = 0x0e0,
	SVR = 0x0f0,
	ISR = 0x100,
	TMR = 0x180,
	IRR = 0x200,
	ESR = 0x280,
	ICR = 0x300,
	ICR_HI = 0x310,
	LVT_T = 0x320,
	LVT_0 = 0x350,
	LVT_E = 0x370,
	INIT_COUNT = 0x380,
	COUNT = 0x390,
	DIV = 0x3e0,
};

#define MASKED     0x10000U
#define PERIODIC   0x20000U
#define DEADLINE   0x40000U
#define DIV_BY_1   0xbU
#define ILLEGAL_RX 0x40U
#define ILLEGAL_TX 0x20U
#define ILLEGAL_RG 0x80U

static struct vcpu *const cpu = machine_vcpu;
static u8 eoi_seen;

void vioapic_eoi(struct vm *vm, u8 vector)
{
	(void)vm;
	eoi_seen = vector;
}

static u32 rd(u32 i, u32 off)
{
	return (u32)vlapic_mmio_read(&cpu[i], off, 4);
}

static void wr(u32 i, u32 off, u32 val)
{
	vlapic_mmio_write(&cpu[i], off, 4, val);
}

static int set_up(void **state)
{
	(void)state;
	machine_init(MACHINE_VCPUS);
	for (u32 i = 0; i < MACHINE_VCPUS; i++) {
		assert_int_equal(vlapic_create(&cpu[i]), 0);
		wr(i, SVR, 0x1ff);
	}
	eoi_seen = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (u32 i = 0; i < MACHINE_VCPUS; i++)
		vlapic_destroy(&cpu[i]);
	assert_int_equal(fake_mem_live, 0);
	return 0;
}

static void to_x2apic(u32 i)
{
	assert_int_equal(
		vlapic_msr_write(&cpu[i], MSR_APIC_BASE, cpu[i].apic_base | APIC_BASE_EXTD), 0);
}

/* Takes the pending vector as the CPU would. */
static void take(u32 i, int vector)
{
	assert_int_equal(vlapic_pending(&cpu[i]), vector);
	vlapic_accept(&cpu[i], (u8)vector);
}

static void power_on_state_is_the_manuals(void **state)
{
	(void)state;
	vlapic_reset(&cpu[1], false);
	assert_int_equal(rd(1, ID), 1 << 24);
	assert_int_equal(rd(1, VERSION), 0x50014);
	assert_int_equal(rd(1, SVR), 0xff);
	assert_int_equal(rd(1, DFR), ~0U);
	assert_int_equal(rd(1, LVT_T), MASKED);
	assert_int_equal(rd(1, LVT_0), MASKED);
	assert_int_equal(cpu[1].apic_base, 0xfee00800);
	assert_int_equal(cpu[0].apic_base, 0xfee00900);
	/* The boot processor has virtual wire mode, as firmware would leave it. */
	vlapic_reset(&cpu[0], false);
	assert_int_equal(rd(0, LVT_0), 0x700);
	assert_true(vlapic_accepts_pic(&cpu[0]));
	assert_false(vlapic_accepts_pic(&cpu[1]));
	assert_true(sizeof(struct vlapic) <= 2048);
}

static void higher_class_interrupts_lower_and_waits_for_higher(void **state)
{
	(void)state;
	assert_true(vlapic_set_irr(&cpu[0], 0x41, false));
	assert_int_equal(machine_requests(0), VREQ_EVENT);
	assert_false(vlapic_set_irr(&cpu[0], 0x41, false));
	take(0, 0x41);
	assert_int_equal(rd(0, PPR), 0x40);
	/* The same class waits, a higher one does not. */
	vlapic_set_irr(&cpu[0], 0x4f, false);
	assert_false(vlapic_has_irq(&cpu[0]));
	vlapic_set_irr(&cpu[0], 0x50, false);
	take(0, 0x50);
	assert_int_equal(rd(0, ISR + 0x20), 0x10002);
	assert_int_equal(rd(0, IRR + 0x20), 0x8000);
	machine_requests(0);
	wr(0, EOI, 0);
	assert_int_equal(rd(0, PPR), 0x40);
	assert_int_equal(machine_requests(0), 0);
	wr(0, EOI, 0);
	assert_int_equal(machine_requests(0), VREQ_EVENT);
	take(0, 0x4f);
	wr(0, EOI, 0);
	assert_int_equal(rd(0, PPR), 0);
	wr(0, EOI, 0); /* nothing in service: no effect */
	assert_int_equal(eoi_seen, 0);
}

static void task_priority_holds_back_its_class_and_below(void **state)
{
	(void)state;
	wr(0, TPR, 0x45);
	assert_int_equal(rd(0, PPR), 0x45);
	assert_int_equal(vlapic_get_cr8(&cpu[0]), 4);
	vlapic_set_irr(&cpu[0], 0x4f, false);
	assert_false(vlapic_has_irq(&cpu[0]));
	machine_requests(0);
	vlapic_set_cr8(&cpu[0], 3);
	assert_int_equal(machine_requests(0), VREQ_EVENT);
	take(0, 0x4f);
	/* Equal classes: the task priority's low bits show; a lower one does not. */
	wr(0, TPR, 0x43);
	assert_int_equal(rd(0, PPR), 0x43);
	wr(0, TPR, 0x3f);
	assert_int_equal(rd(0, PPR), 0x40);
}

static void every_vector_is_found(void **state)
{
	(void)state;
	for (int vec = 255; vec >= 16; vec--) {
		vlapic_set_irr(&cpu[2], (u8)vec, false);
		take(2, vec);
		assert_int_equal(rd(2, ISR + (u32)vec / 32 * 16), 1U << vec % 32);
		wr(2, EOI, 0);
		assert_int_equal(vlapic_pending(&cpu[2]), -1);
	}
}

static void level_interrupts_tell_the_io_apic_of_their_end(void **state)
{
	(void)state;
	vlapic_set_irr(&cpu[0], 0x60, true);
	assert_int_equal(rd(0, TMR + 0x30), 1);
	take(0, 0x60);
	wr(0, EOI, 0);
	assert_int_equal(eoi_seen, 0x60);
	eoi_seen = 0;
	vlapic_set_irr(&cpu[0], 0x60, false);
	assert_int_equal(rd(0, TMR + 0x30), 0);
	take(0, 0x60);
	wr(0, EOI, 0);
	assert_int_equal(eoi_seen, 0);
}

static void software_disable_masks_and_holds(void **state)
{
	(void)state;
	wr(0, LVT_T, 0x30);
	vlapic_set_irr(&cpu[0], 0x55, false);
	wr(0, SVR, 0xff);
	assert_int_equal(rd(0, LVT_T), 0x30 | MASKED);
	wr(0, LVT_T, 0x30); /* cannot be unmasked now */
	assert_int_equal(rd(0, LVT_T), 0x30 | MASKED);
	assert_false(vlapic_set_irr(&cpu[0], 0x56, false));
	take(0, 0x55); /* what was pending stays */
}

/* --- messages --------------------------------------------------------------------------------- */

static void ipi(u32 from, u32 dest, u32 lo)
{
	wr(from, ICR_HI, dest << 24);
	wr(from, ICR, lo);
}

/* A bit for each vCPU that has vector pending; clears them. */
static u32 who_has(u8 vector)
{
	u32 set = 0;

	for (u32 i = 0; i < MACHINE_VCPUS; i++) {
		if (vlapic_pending(&cpu[i]) == vector) {
			set |= BIT32(i);
			vlapic_accept(&cpu[i], vector);
			vlapic_eoi(&cpu[i]);
		}
		machine_requests(i);
	}
	return set;
}

static void ipis_reach_whom_they_name(void **state)
{
	(void)state;
	ipi(0, 2, 0x4040);
	assert_int_equal(rd(0, ICR), 0x4040);
	assert_int_equal(who_has(0x40), 0x4);
	ipi(0, 9, 0x4040);
	assert_int_equal(who_has(0x40), 0);
	ipi(0, 0xff, 0x4040);
	assert_int_equal(who_has(0x40), 0xf);
	ipi(1, 0, 0x44040); /* self */
	assert_int_equal(who_has(0x40), 0x2);
	ipi(1, 0, 0x84040); /* all */
	assert_int_equal(who_has(0x40), 0xf);
	ipi(1, 0, 0xc4040); /* all others */
	assert_int_equal(who_has(0x40), 0xd);
}

static void logical_destinations_flat_and_cluster(void **state)
{
	(void)state;
	for (u32 i = 0; i < MACHINE_VCPUS; i++)
		wr(i, LDR, 1U << (24 + i));
	ipi(0, 0x5, 0x4840);
	assert_int_equal(who_has(0x40), 0x5);
	ipi(0, 0xff, 0x4840);
	assert_int_equal(who_has(0x40), 0xf);
	for (u32 i = 0; i < MACHINE_VCPUS; i++) {
		wr(i, DFR, 0x0fffffff);
		wr(i, LDR, (i / 2) << 28 | 1U << (24 + i % 2));
	}
	ipi(0, 0x13, 0x4840);
	assert_int_equal(who_has(0x40), 0xc);
	ipi(0, 0x02, 0x4840);
	assert_int_equal(who_has(0x40), 0x2);
	ipi(0, 0x23, 0x4840);
	assert_int_equal(who_has(0x40), 0);
}

static void lowest_priority_goes_to_one_that_does_the_least(void **state)
{
	(void)state;
	wr(0, TPR, 0x20);
	wr(1, TPR, 0x30);
	wr(2, TPR, 0x10);
	wr(3, SVR, 0xff); /* disabled: no candidate */
	ipi(0, 0xff, 0x4140);
	assert_int_equal(who_has(0x40), 0x4);
	wr(2, TPR, 0x30);
	ipi(2, 0, 0xc4140); /* all others */
	assert_int_equal(who_has(0x40), 0x1);
}

static void start_up_messages_are_requests(void **state)
{
	(void)state;
	ipi(0, 1, 0x4500);
	assert_int_equal(machine_requests(1), VREQ_INIT);
	ipi(0, 1, 0x8500); /* de-assert: nothing */
	assert_int_equal(machine_requests(1), 0);
	ipi(0, 1, 0x469a);
	assert_int_equal(machine_requests(1), VREQ_SIPI);
	assert_int_equal(cpu[1].sipi_vector, 0x9a);
	ipi(0, 0, 0xc4400);
	assert_int_equal(machine_requests(0), 0);
	assert_int_equal(machine_requests(3), VREQ_NMI);
	ipi(0, 1, 0x4200); /* SMI and reserved modes: nothing */
	ipi(0, 1, 0x4300);
	ipi(0, 1, 0x4700);
	assert_int_equal(machine_requests(1), VREQ_NMI);
	ipi(0, 1, 0x4400);
	assert_int_equal(cpu[1].nmis_sent, 2);
}

static void illegal_vectors_are_errors(void **state)
{
	struct apic_msg m = { .dest = 1, .vector = 8 };

	(void)state;
	wr(0, LVT_E, 0x33);
	ipi(0, 1, 0x400f);
	assert_int_equal(who_has(0x33), 0x1);
	assert_int_equal(rd(0, ESR), 0);
	wr(0, ESR, 0);
	assert_int_equal(rd(0, ESR), ILLEGAL_TX);
	wr(0, ESR, 0);
	assert_int_equal(rd(0, ESR), 0);
	assert_int_equal(apic_send(&machine_vm, &m), VIRQ_IGNORED);
	wr(1, ESR, 0);
	assert_int_equal(rd(1, ESR), ILLEGAL_RX);
	rd(2, 0x040);
	wr(2, 0x3f0, 0);
	wr(2, ESR, 0);
	assert_int_equal(rd(2, ESR), ILLEGAL_RG);
	/* An error interrupt whose own vector is illegal is one more error, not a loop. */
	wr(3, LVT_E, 0x05);
	rd(3, 0xff0);
	wr(3, ESR, 0);
	assert_int_equal(rd(3, ESR), ILLEGAL_RG | ILLEGAL_RX);
}

static void only_aligned_words_reach_registers(void **state)
{
	(void)state;
	wr(0, TPR, 0x20);
	assert_int_equal(vlapic_mmio_read(&cpu[0], TPR, 8), 0);
	assert_int_equal(vlapic_mmio_read(&cpu[0], TPR + 4, 4), 0);
	vlapic_mmio_write(&cpu[0], TPR, 1, 0x50);
	vlapic_mmio_write(&cpu[0], TPR + 1, 4, 0x50);
	assert_int_equal(rd(0, TPR), 0x20);
}

/* --- LINT and the PICs ------------------------------------------------------------------------ */

static void lint_pins_do_what_their_entries_say(void **state)
{
	(void)state;
	wr(0, LVT_0, 0x40);
	vlapic_lint(&cpu[0], 0, true);
	vlapic_lint(&cpu[0], 0, true);
	assert_int_equal(who_has(0x40), 1);
	vlapic_lint(&cpu[0], 0, false);
	wr(0, LVT_0, 0x400);
	vlapic_lint(&cpu[0], 0, true);
	assert_int_equal(machine_requests(0), VREQ_NMI);
	assert_false(vlapic_accepts_pic(&cpu[0]));
	/* The PICs wait already: unmasking lets them in. */
	wr(0, LVT_0, 0x700 | MASKED);
	assert_int_equal(machine_requests(0), 0);
	wr(0, LVT_0, 0x700);
	assert_int_equal(machine_requests(0), VREQ_EVENT);
	assert_true(vlapic_accepts_pic(&cpu[0]));
	/* Without an APIC the pin is INTR. */
	assert_int_equal(vlapic_msr_write(&cpu[0], MSR_APIC_BASE, 0xfee00100), 0);
	assert_true(vlapic_accepts_pic(&cpu[0]));
	assert_int_equal(vlapic_msr_write(&cpu[1], MSR_APIC_BASE, 0xfee00000), 0);
	assert_false(vlapic_accepts_pic(&cpu[1]));
}

/* --- timer; the test's TSC and the bus both run at 1 GHz -------------------------------------- */

static void one_shot_fires_once_when_the_count_is_zero(void **state)
{
	(void)state;
	wr(0, DIV, DIV_BY_1);
	wr(0, LVT_T, 0x40);
	wr(0, INIT_COUNT, 1000);
	machine_wait(400);
	assert_int_equal(rd(0, COUNT), 600);
	machine_wait(590);
	assert_int_equal(who_has(0x40), 0);
	machine_wait(15);
	assert_int_equal(who_has(0x40), 1);
	assert_int_equal(rd(0, COUNT), 0);
	machine_wait(10000);
	assert_int_equal(who_has(0x40), 0);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	/* A count of 0 stops it. */
	wr(0, INIT_COUNT, 1000);
	wr(0, INIT_COUNT, 0);
	machine_wait(2000);
	assert_int_equal(who_has(0x40), 0);
}

static void dividers_are_those_of_the_register(void **state)
{
	static const u8 code[] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };

	(void)state;
	wr(0, LVT_T, 0x40);
	for (u32 i = 0; i < ARRAY_SIZE(code); i++) {
		wr(0, DIV, code[i]);
		assert_int_equal(rd(0, DIV), code[i]);
		wr(0, INIT_COUNT, 1000);
		machine_wait(100ULL << i);
		assert_int_equal(rd(0, COUNT), 900);
	}
	/* A change while it counts goes on from the same count. */
	wr(0, DIV, DIV_BY_1);
	assert_in_range(rd(0, COUNT), 899, 900);
	machine_wait(500);
	assert_in_range(rd(0, COUNT), 398, 400);
}

static void periodic_keeps_its_pace(void **state)
{
	u32 fired = 0;

	(void)state;
	wr(0, DIV, DIV_BY_1);
	wr(0, LVT_T, 0x40 | PERIODIC);
	wr(0, INIT_COUNT, 1000000);
	for (u32 i = 0; i < 1000; i++) {
		machine_wait(1000000);
		fired += who_has(0x40);
	}
	assert_in_range(fired, 999, 1000);
	/* Long away: what was missed merges into one, then the pace is kept. */
	fake_tsc += 10500000;
	machine_wait(1);
	assert_int_equal(who_has(0x40), 1);
	assert_in_range(fake_clock_next() - fake_tsc, 1, 1000001);
	/* Masked, it counts on. */
	wr(0, LVT_T, 0x40 | PERIODIC | MASKED);
	machine_wait(3000000);
	assert_int_equal(who_has(0x40), 0);
	assert_int_not_equal(rd(0, COUNT), 0);
}

static void a_period_has_a_lower_bound(void **state)
{
	u64 before;

	(void)state;
	wr(0, DIV, DIV_BY_1);
	wr(0, LVT_T, 0x40 | PERIODIC);
	wr(0, INIT_COUNT, 1);
	before = fake_tsc;
	assert_true(fake_clock_next() - before >= VLAPIC_MIN_PERIOD_NS);
	machine_wait(1000000); /* the fake clock stops a test that storms */
	assert_true(fake_clock_next() - fake_tsc >= VLAPIC_MIN_PERIOD_NS / 2);
}

static void deadline_fires_at_guest_time_and_disarms(void **state)
{
	u64 val;

	(void)state;
	cpu[0].tsc_offset = (u64)-500;
	vlapic_deadline_write(&cpu[0], 5000);
	assert_int_equal(fake_clock_next(), UINT64_MAX); /* not in this mode */
	wr(0, LVT_T, 0x40 | DEADLINE);
	vlapic_deadline_write(&cpu[0], 5000);
	assert_int_equal(fake_clock_next(), 5500);
	assert_int_equal(vlapic_msr_read(&cpu[0], MSR_TSC_DEADLINE, &val), 0);
	assert_int_equal(val, 5000);
	wr(0, INIT_COUNT, 77);
	assert_int_equal(rd(0, INIT_COUNT), 0);
	machine_wait(4500);
	assert_int_equal(who_has(0x40), 1);
	assert_int_equal(vlapic_msr_read(&cpu[0], MSR_TSC_DEADLINE, &val), 0);
	assert_int_equal(val, 0);
	/* The past fires at once, the far future does not wrap around, 0 disarms. */
	vlapic_deadline_write(&cpu[0], 1);
	assert_int_equal(who_has(0x40), 1);
	vlapic_deadline_write(&cpu[0], UINT64_MAX);
	assert_int_equal(who_has(0x40), 0);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	vlapic_deadline_write(&cpu[0], 8000);
	assert_int_equal(fake_clock_next(), 8500);
	cpu[0].tsc_offset = (u64)-1000;
	vlapic_tsc_changed(&cpu[0]);
	assert_int_equal(fake_clock_next(), 9000);
	vlapic_deadline_write(&cpu[0], 0);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	/* So does a change of the mode. */
	vlapic_deadline_write(&cpu[0], 100000);
	wr(0, LVT_T, 0x40);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
}

static void only_a_deadline_timer_is_disarmed_by_a_new_mode(void **state)
{
	(void)state;
	wr(0, DIV, DIV_BY_1);
	wr(0, LVT_T, 0x40 | PERIODIC);
	wr(0, INIT_COUNT, 1000000);
	machine_wait(400000);
	wr(0, LVT_T, 0x40);
	assert_int_equal(rd(0, INIT_COUNT), 1000000);
	assert_int_equal(rd(0, COUNT), 600000);
	machine_wait(600010);
	assert_int_equal(who_has(0x40), 1);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	wr(0, INIT_COUNT, 1000000);
	machine_wait(400000);
	wr(0, LVT_T, 0x40 | PERIODIC);
	assert_int_equal(rd(0, COUNT), 600000);
	for (u32 i = 0; i < 2; i++) {
		machine_wait(1000000);
		assert_int_equal(who_has(0x40), 1);
	}
	wr(0, LVT_T, 0x40 | DEADLINE);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	wr(0, LVT_T, 0x40);
	assert_int_equal(rd(0, INIT_COUNT), 0);
	assert_int_equal(rd(0, COUNT), 0);
}

static void a_short_one_shot_that_becomes_periodic_has_the_lower_bound(void **state)
{
	(void)state;
	wr(0, DIV, DIV_BY_1);
	wr(0, LVT_T, 0x40);
	wr(0, INIT_COUNT, 1000);
	wr(0, LVT_T, 0x40 | PERIODIC);
	machine_wait(1000000); /* the fake clock stops a test that storms */
	assert_true(fake_clock_next() - fake_tsc >= VLAPIC_MIN_PERIOD_NS / 2);
}

static void a_quiet_machine_has_no_timer(void **state)
{
	(void)state;
	wr(0, LVT_T, 0x40 | PERIODIC);
	wr(0, INIT_COUNT, 1000000);
	vlapic_quiesce(&cpu[0]);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	vlapic_reset(&cpu[0], false);
	wr(0, SVR, 0x1ff);
	wr(0, LVT_T, 0x40);
	wr(0, INIT_COUNT, 1000);
	machine_wait(3000);
	assert_int_equal(who_has(0x40), 1);
}

/* --- x2APIC ----------------------------------------------------------------------------------- */

static int x2rd(u32 i, u32 off, u64 *val)
{
	return vlapic_msr_read(&cpu[i], 0x800 + off / 16, val);
}

static int x2wr(u32 i, u32 off, u64 val)
{
	return vlapic_msr_write(&cpu[i], 0x800 + off / 16, val);
}

static void mode_changes_are_those_of_the_manual(void **state)
{
	u64 val, base = 0xfee00000;

	(void)state;
	assert_int_equal(x2rd(1, ID, &val), -EINVAL); /* not in xAPIC mode */
	assert_int_equal(vlapic_msr_write(&cpu[1], MSR_APIC_BASE, base | APIC_BASE_EXTD), -EINVAL);
	to_x2apic(1);
	assert_int_equal(vlapic_mmio_read(&cpu[1], ID, 4), 0xffffffff);
	assert_int_equal(x2rd(1, ID, &val), 0);
	assert_int_equal(val, 1);
	assert_int_equal(x2rd(1, LDR, &val), 0);
	assert_int_equal(val, 2);
	assert_int_equal(vlapic_msr_write(&cpu[1], MSR_APIC_BASE, base | APIC_BASE_EN), -EINVAL);
	assert_int_equal(x2wr(1, TPR, 0x20), 0);
	assert_int_equal(vlapic_msr_write(&cpu[1], MSR_APIC_BASE, base), 0);
	assert_int_equal(
		vlapic_msr_write(&cpu[1], MSR_APIC_BASE, base | APIC_BASE_EN | APIC_BASE_EXTD),
		-EINVAL);
	assert_int_equal(vlapic_msr_write(&cpu[1], MSR_APIC_BASE, base | APIC_BASE_EN), 0);
	assert_int_equal(rd(1, TPR), 0); /* being off loses the state */
	/* The page does not move, reserved bits fault. */
	assert_int_equal(vlapic_msr_write(&cpu[1], MSR_APIC_BASE, 0xfef00800), -EINVAL);
	assert_int_equal(machine_log_lines, 1);
	assert_int_equal(vlapic_msr_write(&cpu[1], MSR_APIC_BASE, base | APIC_BASE_EN | 1),
			 -EINVAL);
	assert_int_equal(vlapic_msr_read(&cpu[1], MSR_APIC_BASE, &val), 0);
	assert_int_equal(val, base | APIC_BASE_EN);
	/* INIT leaves the mode, power-on does not. */
	to_x2apic(1);
	vlapic_reset(&cpu[1], true);
	assert_int_equal(x2rd(1, LDR, &val), 0);
	vlapic_reset(&cpu[1], false);
	assert_int_equal(x2rd(1, LDR, &val), -EINVAL);
}

static void x2apic_registers_fault_where_reserved(void **state)
{
	static const u16 no_read[] = { 0x000, 0x090, EOI, 0x0c0, DFR, ICR_HI, 0x2f0, 0x3f0, 0x3a0 };
	static const u16 no_write[] = { ID, VERSION, PPR, LDR, DFR, ISR, TMR, IRR, ICR_HI, COUNT };
	u64 val;

	(void)state;
	to_x2apic(0);
	for (u32 i = 0; i < ARRAY_SIZE(no_read); i++)
		assert_int_equal(x2rd(0, no_read[i], &val), -EINVAL);
	for (u32 i = 0; i < ARRAY_SIZE(no_write); i++)
		assert_int_equal(x2wr(0, no_write[i], 0), -EINVAL);
	assert_int_equal(x2rd(0, 0x400, &val), -EINVAL);
	assert_int_equal(x2wr(0, 0xff0, 0), -EINVAL);
	assert_int_equal(x2wr(0, EOI, 1), -EINVAL);
	assert_int_equal(x2wr(0, EOI, 0), 0);
	assert_int_equal(x2wr(0, ESR, 1), -EINVAL);
	assert_int_equal(x2wr(0, ESR, 0), 0);
	assert_int_equal(x2wr(0, TPR, 0x100), -EINVAL);
	assert_int_equal(x2wr(0, LVT_E, 0x200), -EINVAL);
	assert_int_equal(x2wr(0, LVT_T, 1ULL << 32), -EINVAL);
	assert_int_equal(x2wr(0, LVT_0, 0x1a7ff), 0);
	assert_int_equal(x2wr(0, ICR, 1 << 13), -EINVAL);
	assert_int_equal(x2rd(0, IRR + 0x70, &val), 0);
}

static void x2apic_messages(void **state)
{
	u64 val;

	(void)state;
	for (u32 i = 0; i < MACHINE_VCPUS; i++)
		to_x2apic(i);
	assert_int_equal(x2wr(0, ICR, 2ULL << 32 | 0x4040), 0);
	assert_int_equal(x2rd(0, ICR, &val), 0);
	assert_int_equal(val, 2ULL << 32 | 0x4040);
	assert_int_equal(who_has(0x40), 0x4);
	assert_int_equal(x2wr(0, ICR, 0xaULL << 32 | 0x4840), 0);
	assert_int_equal(who_has(0x40), 0xa);
	assert_int_equal(x2wr(0, ICR, 0x1000aULL << 32 | 0x4840), 0); /* another cluster */
	assert_int_equal(who_has(0x40), 0);
	assert_int_equal(x2wr(0, ICR, 0xffULL << 32 | 0x4040), 0); /* 0xff is an id here */
	assert_int_equal(who_has(0x40), 0);
	assert_int_equal(x2wr(0, ICR, 0xffffffffULL << 32 | 0x4040), 0);
	assert_int_equal(who_has(0x40), 0xf);
	assert_int_equal(x2wr(3, 0x3f0, 0x51), 0); /* self-IPI */
	assert_int_equal(who_has(0x51), 0x8);
	assert_int_equal(x2wr(3, 0x3f0, 0x151), -EINVAL);
}

/* --- anything at all -------------------------------------------------------------------------- */

static void random_accesses_do_no_harm(void **state)
{
	u64 seed = 0x1234567, val;

	(void)state;
	for (u32 n = 0; n < 200000; n++) {
		u64 r = test_random(&seed);
		u32 i = r & 3, off = (u32)(r >> 8) & 0xfff, data = (u32)test_random(&seed);
		int vec;

		switch (r >> 4 & 7) {
		case 0:
		case 1:
			vlapic_mmio_write(&cpu[i], off & 0xff0, 4,
					  r >> 32 & 1 ? data : data & 0x7ffff);
			break;
		case 2:
			vlapic_mmio_read(&cpu[i], off, (u8)(1 << (r >> 24 & 3)));
			break;
		case 3:
			if (vlapic_msr_write(&cpu[i], 0x800 + (off & 0x3f), data & 0x7ffff))
				break;
			break;
		case 4:
			if (vlapic_msr_read(&cpu[i], 0x800 + off % 0x100, &val) ||
			    (r >> 40 & 63) != 0 ||
			    vlapic_msr_write(&cpu[i], MSR_APIC_BASE, 0xfee00000 | (data & 0xd00)))
				break;
			break;
		case 5:
			vlapic_deadline_write(&cpu[i], data & 1 ? data : fake_tsc + off);
			break;
		default:
			vec = vlapic_pending(&cpu[i]);
			if (vec >= 0)
				vlapic_accept(&cpu[i], (u8)vec);
			machine_wait(off);
		}
		assert_true(vlapic_pending(&cpu[i]) == -1 || vlapic_pending(&cpu[i]) >= 16);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(power_on_state_is_the_manuals),
		T(higher_class_interrupts_lower_and_waits_for_higher),
		T(task_priority_holds_back_its_class_and_below),
		T(every_vector_is_found),
		T(level_interrupts_tell_the_io_apic_of_their_end),
		T(software_disable_masks_and_holds),
		T(ipis_reach_whom_they_name),
		T(logical_destinations_flat_and_cluster),
		T(lowest_priority_goes_to_one_that_does_the_least),
		T(start_up_messages_are_requests),
		T(illegal_vectors_are_errors),
		T(only_aligned_words_reach_registers),
		T(lint_pins_do_what_their_entries_say),
		T(one_shot_fires_once_when_the_count_is_zero),
		T(dividers_are_those_of_the_register),
		T(periodic_keeps_its_pace),
		T(a_period_has_a_lower_bound),
		T(deadline_fires_at_guest_time_and_disarms),
		T(only_a_deadline_timer_is_disarmed_by_a_new_mode),
		T(a_short_one_shot_that_becomes_periodic_has_the_lower_bound),
		T(a_quiet_machine_has_no_timer),
		T(mode_changes_are_those_of_the_manual),
		T(x2apic_registers_fault_where_reserved),
		T(x2apic_messages),
		T(random_accesses_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
