/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lapic: the local APIC of one CPU, through its page and through its MSRs.
 *
 * Registers: identity, version, the read-only ones; SVR switches it off and masks the LVT.
 * Interrupts to itself: by shorthand and by its own id; IRR and ISR show them; a higher priority
 * class nests, a lower or equal one waits for EOI; the task priority holds a class back and lets it
 * go; PPR is the maximum of both. A spurious vector below 16 sets the error register. The timer
 * counts down at the bus clock by the divider, fires once or periodically, and can be stopped; with
 * TSC-deadline it fires at a value of the TSC and writing zero disarms it. In x2APIC mode the same
 * registers are MSRs, ICR is one 64-bit MSR, and the page is gone.
 *
 * Source: Intel SDM 3A "Advanced Programmable Interrupt Controller (APIC)"; AMD APM 2 "Advanced
 * Programmable Interrupt Controller (APIC)". Bare TCG has neither x2APIC nor TSC-deadline: these
 * are skipped there and stand on the host tests of the emulated APIC.
 */

#include "tests/guests/lib/guest.h"

#define LOW    0x41
#define SAME   0x48
#define HIGH   0x62
#define TIMER  0x51
#define ERRORV 0x71

static u8 order[8];
static u32 nr_order;

static void note(struct frame *f)
{
	if (nr_order < sizeof(order))
		order[nr_order++] = (u8)f->vector;
	apic_write(APIC_EOI, 0);
}

static void registers(void)
{
	u32 version = apic_read(APIC_VERSION);

	check(apic_read(APIC_ID) >> 24 == 0, "lapic.id", "0x%x", apic_read(APIC_ID));
	check((version & 0xff) >= 0x10 && (version & 0xff) < 0x20, "lapic.version", "0x%x",
	      version);
	check((version >> 16 & 0xff) >= 3, "lapic.max_lvt", "%u", version >> 16 & 0xff);
	apic_write(APIC_VERSION, 0);
	check(apic_read(APIC_VERSION) == version, "lapic.version_is_read_only", "0x%x",
	      apic_read(APIC_VERSION));
	apic_write(APIC_LDR, 0x5a000000);
	check(apic_read(APIC_LDR) == 0x5a000000, "lapic.ldr", "0x%x", apic_read(APIC_LDR));
	check((apic_read(APIC_DFR) & 0xf0000000) == 0xf0000000, "lapic.dfr_flat", "0x%x",
	      apic_read(APIC_DFR));
}

static void software_disable(void)
{
	apic_write(APIC_LVT_TIMER, TIMER);
	apic_write(APIC_SVR, 0xff);
	check_erratum(apic_read(APIC_LVT_TIMER) & LVT_MASKED, "lapic.disable_masks_lvt",
		      "switching the APIC off left the LVT unmasked");
	apic_write(APIC_LVT_TIMER, TIMER);
	check_erratum(apic_read(APIC_LVT_TIMER) & LVT_MASKED, "lapic.disabled_lvt_stays_masked",
		      "the LVT could be unmasked while the APIC was off");
	apic_write(APIC_SVR, 0x1ff);
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
}

static void self_ipi(void)
{
	u32 n = trap_count[LOW];

	apic_ipi(0, ICR_SELF | LOW);
	check(apic_bit(APIC_IRR, LOW), "lapic.irr_shows_pending", "clear");
	check(trap_count[LOW] == n, "lapic.cli_holds_back", "delivered");
	sti_nop();
	check(trap_count[LOW] == n + 1 && !apic_bit(APIC_IRR, LOW), "lapic.self_ipi", "%u came",
	      trap_count[LOW] - n);
	apic_ipi(0, ICR_ASSERT | LOW);
	sti_nop();
	check(trap_count[LOW] == n + 2, "lapic.ipi_to_own_id", "%u came", trap_count[LOW] - n);
	apic_ipi(0, ICR_SELF | LOW);
	apic_ipi(0, ICR_SELF | LOW);
	sti_nop();
	sti_nop();
	check(trap_count[LOW] == n + 3, "lapic.irr_is_one_bit", "%u came", trap_count[LOW] - n);
}

static volatile u32 in_service;

/* Sends itself two more from inside: the higher one nests, the one of the same class does not. */
static void nest(struct frame *f)
{
	in_service = apic_bit(APIC_ISR, LOW) | (u32)(apic_read(APIC_PPR) & 0xf0) << 8;
	apic_ipi(0, ICR_SELF | SAME);
	apic_ipi(0, ICR_SELF | HIGH);
	sti_nop();
	note(f);
}

static void priorities(void)
{
	trap_set(LOW, nest);
	trap_set(SAME, note);
	trap_set(HIGH, note);
	nr_order = 0;
	apic_ipi(0, ICR_SELF | LOW);
	sti_nop();
	sti_nop();
	check(in_service == (1 | (LOW & 0xf0) << 8), "lapic.isr_and_ppr", "0x%x", in_service);
	if (!check_known(BARE_BOCHS,
			 nr_order == 3 && order[0] == HIGH && order[1] == LOW && order[2] == SAME,
			 "lapic.priority", "not the highest first, or one of the same class"))
		say("%u: %x %x %x\n", nr_order, order[0], order[1], order[2]);
	trap_set(LOW, note);
	nr_order = 0;
	apic_write(APIC_TPR, 0x50);
	check((apic_read(APIC_PPR) & 0xf0) == 0x50, "lapic.ppr_is_tpr", "0x%x",
	      apic_read(APIC_PPR));
	apic_ipi(0, ICR_SELF | LOW);
	apic_ipi(0, ICR_SELF | HIGH);
	sti_nop();
	check(nr_order == 1 && order[0] == HIGH, "lapic.tpr_holds_back", "%u came", nr_order);
	apic_write(APIC_TPR, 0);
	sti_nop();
	check(nr_order == 2 && order[1] == LOW, "lapic.tpr_lets_go", "%u came", nr_order);
}

static void cr8_is_tpr(void)
{
	u64 cr8 = 6;

	nr_order = 0;
	__asm__ volatile("mov %0, %%cr8" : : "r"(cr8));
	check(apic_read(APIC_TPR) == 0x60, "lapic.cr8_sets_tpr", "TPR = 0x%x", apic_read(APIC_TPR));
	apic_ipi(0, ICR_SELF | LOW);
	sti_nop();
	check(nr_order == 0, "lapic.cr8_holds_back", "delivered");
	apic_write(APIC_TPR, 0x30);
	__asm__ volatile("mov %%cr8, %0" : "=r"(cr8));
	check(cr8 == 3, "lapic.tpr_sets_cr8", "CR8 = %llu", (unsigned long long)cr8);
	cr8 = 0;
	__asm__ volatile("mov %0, %%cr8" : : "r"(cr8));
	sti_nop();
	check(nr_order == 1, "lapic.cr8_lets_go", "%u came", nr_order);
}

static void errors(void)
{
	u32 n = trap_count[ERRORV];

	apic_write(APIC_LVT_ERROR, ERRORV);
	apic_write(APIC_ESR, 0);
	trap_set(5, note); /* where it is delivered all the same */
	apic_ipi(0, ICR_SELF | 5);
	apic_write(APIC_ESR, 0);
	check_erratum(apic_read(APIC_ESR) & 0x60, "lapic.illegal_vector",
		      "an IPI with vector 5 set no error");
	sti_nop();
	check_known(BARE_TCG | BARE_BOCHS, trap_count[ERRORV] == n + 1, "lapic.error_interrupt",
		    "none came");
	apic_write(APIC_ESR, 0);
	check(apic_read(APIC_ESR) == 0, "lapic.esr_clears", "0x%x", apic_read(APIC_ESR));
	apic_write(APIC_LVT_ERROR, LVT_MASKED);
}

static void timer_once(void)
{
	u32 n = trap_count[TIMER], a, b;

	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVT_TIMER, TIMER);
	apic_write(APIC_TMICT, 0xffffffff);
	a = apic_read(APIC_TMCCT);
	delay_us(100);
	b = apic_read(APIC_TMCCT);
	check(b < a, "lapic.timer_counts_down", "%u then %u", a, b);
	apic_write(APIC_TMICT, 0);
	check(apic_read(APIC_TMCCT) == 0, "lapic.timer_stops", "%u", apic_read(APIC_TMCCT));
	apic_write(APIC_TMICT, 20000);
	check(trap_wait(TIMER, n + 1), "lapic.timer_fires", "it did not");
	for (u32 i = 0; i < 20; i++) {
		delay_us(100);
		sti_nop();
	}
	check(trap_count[TIMER] == n + 1, "lapic.timer_fires_once", "%u came",
	      trap_count[TIMER] - n);
	check(apic_read(APIC_TMCCT) == 0, "lapic.timer_ends_at_zero", "%u", apic_read(APIC_TMCCT));
}

/* Timer ticks and TSC ticks of about 5 ms with this divider. */
static u32 timer_ticks(u32 divider, u64 *tsc)
{
	u64 start;
	u32 left;

	apic_write(APIC_TDCR, divider);
	start = rdtsc();
	apic_write(APIC_TMICT, 0xffffffff);
	delay_us(5000);
	left = apic_read(APIC_TMCCT);
	*tsc = rdtsc() - start;
	return ~left;
}

/* The bus clock by divider 1 and 16 must differ by 16, by the measure of the TSC. */
static void timer_divider(void)
{
	u64 fast, slow, fast_tsc, slow_tsc;

	apic_write(APIC_LVT_TIMER, LVT_MASKED | TIMER);
	fast = timer_ticks(0xb, &fast_tsc);
	slow = timer_ticks(0x3, &slow_tsc);
	apic_write(APIC_TMICT, 0);
	check(slow && fast * slow_tsc / slow / fast_tsc >= 8 &&
		      fast * slow_tsc / slow / fast_tsc <= 32,
	      "lapic.timer_divider", "%u and %u ticks", (u32)fast, (u32)slow);
}

static void timer_periodic(void)
{
	u32 n = trap_count[TIMER], after;

	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVT_TIMER, LVT_PERIODIC | TIMER);
	apic_write(APIC_TMICT, 2000000);
	check(trap_wait(TIMER, n + 5), "lapic.timer_periodic", "%u came", trap_count[TIMER] - n);
	apic_write(APIC_LVT_TIMER, LVT_MASKED | LVT_PERIODIC | TIMER);
	sti_nop();
	after = trap_count[TIMER];
	delay_us(10000);
	sti_nop();
	check(trap_count[TIMER] == after, "lapic.timer_masked", "%u came",
	      trap_count[TIMER] - after);
	apic_write(APIC_TMICT, 0);
}

static void timer_hlt(void)
{
	u32 n = trap_count[TIMER];

	apic_write(APIC_LVT_TIMER, TIMER);
	apic_write(APIC_TMICT, 100000);
	sti_hlt_cli();
	check(trap_count[TIMER] == n + 1, "lapic.timer_wakes_hlt", "%u came",
	      trap_count[TIMER] - n);
}

static void deadline(void)
{
	u32 n = trap_count[TIMER];
	u64 when;

	if (!(cpuid(1, 0).ecx & BIT32(24))) {
		skip("lapic.deadline", "the CPU has no TSC-deadline timer");
		return;
	}
	apic_write(APIC_LVT_TIMER, LVT_DEADLINE | TIMER);
	fence_full();
	when = rdtsc() + tsc_us(100000); /* far enough for a loaded machine to read it back */
	wrmsr(MSR_DEADLINE, when);
	check(rdmsr(MSR_DEADLINE) == when, "lapic.deadline_reads_back", "it does not");
	check(trap_wait(TIMER, n + 1) && rdtsc() >= when, "lapic.deadline_fires", "early or never");
	check_known(BARE_BOCHS, rdmsr(MSR_DEADLINE) == 0, "lapic.deadline_disarms_itself",
		    "it does not");
	wrmsr(MSR_DEADLINE, rdtsc() - 1);
	check(trap_wait(TIMER, n + 2), "lapic.deadline_in_the_past", "never fired");
	wrmsr(MSR_DEADLINE, rdtsc() + tsc_us(100000)); /* far enough to be disarmed in time */
	wrmsr(MSR_DEADLINE, 0);
	delay_us(110000);
	sti_nop();
	check(trap_count[TIMER] == n + 2, "lapic.deadline_zero_disarms", "fired");
	apic_write(APIC_LVT_TIMER, TIMER);
	wrmsr(MSR_DEADLINE, rdtsc());
	check(rdmsr(MSR_DEADLINE) == 0, "lapic.deadline_ignored_in_other_modes", "taken");
	apic_write(APIC_LVT_TIMER, LVT_DEADLINE | TIMER);
	apic_write(APIC_TMICT, 1000);
	check(apic_read(APIC_TMCCT) == 0, "lapic.count_ignored_with_deadline", "it counts");
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
}

static void x2apic(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);
	u32 n = trap_count[HIGH];
	u64 val;

	if (!(cpuid(1, 0).ecx & BIT32(21))) {
		skip("lapic.x2apic", "the CPU has no x2APIC");
		return;
	}
	trap_set(HIGH, NULL);
	check(try_rdmsr(MSR_X2APIC + 2, &val) == EXC_GP, "lapic.x2apic_off_faults",
	      "RDMSR of 0x802 in xAPIC mode did not raise #GP");
	wrmsr(MSR_APIC_BASE, base | BIT(10));
	check(rdmsr(MSR_X2APIC + 2) == 0, "lapic.x2apic_id", "%llu",
	      (unsigned long long)rdmsr(MSR_X2APIC + 2));
	check_known(BARE_BOCHS, rdmsr(MSR_X2APIC + 0xd) == 1, "lapic.x2apic_ldr",
		    "not 1 for the first CPU");
	trap_set(HIGH, note);
	nr_order = 0;
	wrmsr(MSR_X2APIC + 0x3f, HIGH); /* SELF IPI */
	check(rdmsr(MSR_X2APIC + 0x20 + HIGH / 32) >> HIGH % 32 & 1, "lapic.x2apic_self_ipi_pends",
	      "IRR is clear");
	check(try_wrmsr(MSR_X2APIC + 0xb, 1) == EXC_GP, "lapic.x2apic_eoi_takes_zero_only",
	      "EOI took 1");
	check(try_wrmsr(MSR_X2APIC + 0x2, 1) == EXC_GP, "lapic.x2apic_id_is_read_only",
	      "it is not");
	check(try_rdmsr(MSR_X2APIC + 0xe, &val) == EXC_GP, "lapic.x2apic_no_dfr",
	      "DFR can be read");
	check(try_wrmsr(MSR_APIC_BASE, base) == EXC_GP, "lapic.x2apic_no_way_back",
	      "to xAPIC mode without disabling");
	/* Off and on again is the way back; it also drops what is pending. */
	wrmsr(MSR_APIC_BASE, base & ~BIT(11));
	wrmsr(MSR_APIC_BASE, base);
	apic_setup();
	check_known(BARE_BOCHS, apic_read(APIC_ID) == 0 && trap_count[HIGH] == n,
		    "lapic.x2apic_leaves",
		    "the local APIC stays off, or delivers what was pending");
}

void guest_main(void)
{
	registers();
	software_disable();
	self_ipi();
	priorities();
	cr8_is_tpr();
	errors();
	timer_once();
	timer_divider();
	timer_periodic();
	timer_hlt();
	deadline();
	x2apic();
}
