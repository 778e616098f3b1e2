/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smp: several CPUs start, and no interrupt between them is lost.
 *
 * Each application processor is started by INIT and SIPI, has its own APIC id and finds itself in
 * the state that INIT gives. Then two CPUs play ping-pong with interrupts, each halted until the
 * other's arrives: thousands of rounds, each of which a lost or doubled interrupt would end or show
 * in the counters. The same with the receiver spinning. Interrupts to all others, to all, by
 * logical address and by NMI arrive once at each. INIT stops a CPU and SIPI starts it anew. The
 * time-stamp counters of the CPUs agree: a reading passed to another CPU is never later than its
 * own.
 *
 * Skipped where the machine has one CPU.
 */

#include "tests/guests/lib/guest.h"

#define PING   0x41
#define PONG   0x42
#define BCAST  0x43
#define ROUNDS 2000

static volatile u32 seen_id[MAX_CPUS], bcast[MAX_CPUS], nmis[MAX_CPUS], starts[MAX_CPUS];
static volatile u32 pings, pongs, stop;
static volatile u64 stamp;
static volatile u64 backwards;
static u32 nr;

static void idle(void)
{
	u32 i = cpu_index();

	seen_id[i] = apic_read(APIC_ID) >> 24;
	apic_write(APIC_LDR, 1U << (24 + i));
	apic_write(APIC_DFR, 0xffffffff);
	starts[i]++;
}

static void start_all(void)
{
	char name[32] = "smp.start_0";

	for (u32 i = 1; i < nr; i++) {
		name[10] = (char)('0' + i);
		check(cpu_start(i, idle), name, "it did not come");
		while (!starts[i])
			cpu_pause();
		check(seen_id[i] == i, "smp.apic_id", "CPU %u has id %u", i, seen_id[i]);
	}
}

static void on_ping(struct frame *f)
{
	(void)f;
	pings++;
	apic_write(APIC_EOI, 0);
	apic_ipi(0, ICR_ASSERT | PONG);
}

static void on_pong(struct frame *f)
{
	(void)f;
	pongs++;
	apic_write(APIC_EOI, 0);
}

static bool round_trip(bool halted)
{
	u32 want = pongs + 1;
	u64 end = rdtsc() + tsc_us(5000000);

	apic_ipi(1, ICR_ASSERT | PING);
	while (pongs != want && rdtsc() < end) {
		if (halted)
			sti_hlt_cli();
		else
			sti_nop();
	}
	return pongs == want;
}

/* A halted CPU waits for ever if its interrupt is lost: a timer interrupt ends that. */
static void ping_pong(bool halted, const char *name)
{
	u32 i = 0;

	pings = pongs = 0;
	apic_write(APIC_LVT_TIMER, LVT_PERIODIC | 0x50);
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_TMICT, 100000000);
	while (i < ROUNDS && round_trip(halted))
		i++;
	apic_write(APIC_TMICT, 0);
	check(i == ROUNDS && pings == ROUNDS && pongs == ROUNDS, name,
	      "lost in round %u: %u pings, %u pongs", i, pings, pongs);
}

static void on_bcast(struct frame *f)
{
	(void)f;
	bcast[cpu_index()]++;
	apic_write(APIC_EOI, 0);
}

static void on_nmi(struct frame *f)
{
	(void)f;
	nmis[cpu_index()]++;
}

/* Sends low and waits until each CPU in the mask has counted one more; others must not. */
static void send_and_count(const char *name, u32 dest, u32 low, u32 mask, volatile u32 *counts)
{
	u32 before[MAX_CPUS], wrong = 0;
	u64 end = rdtsc() + tsc_us(2000000);

	for (u32 i = 0; i < nr; i++)
		before[i] = counts[i];
	apic_ipi(dest, low);
	for (u32 i = 0; i < nr; i++)
		while ((mask >> i & 1) && counts[i] == before[i] && rdtsc() < end)
			sti_nop();
	delay_us(2000);
	for (u32 i = 0; i < nr; i++)
		wrong |= (u32)(counts[i] - before[i] != (mask >> i & 1)) << i;
	check(!wrong, name, "wrong count on CPUs 0x%x", wrong);
}

static void broadcasts(void)
{
	u32 all = BIT32(nr) - 1;

	trap_set(BCAST, on_bcast);
	trap_set(EXC_NMI, on_nmi);
	apic_write(APIC_LDR, 1U << 24);
	send_and_count("smp.all_but_self", 0, ICR_OTHERS | BCAST, all & ~1U, bcast);
	send_and_count("smp.all", 0, ICR_ALL | BCAST, all, bcast);
	send_and_count("smp.physical_all", 0xff, ICR_ASSERT | BCAST, all, bcast);
	send_and_count("smp.logical_one", 2, ICR_ASSERT | BIT32(11) | BCAST, 2, bcast);
	send_and_count("smp.logical_all", 0xff, ICR_ASSERT | BIT32(11) | BCAST, all, bcast);
	send_and_count("smp.nmi", 1, ICR_ASSERT | ICR_NMI, 2, nmis);
	send_and_count("smp.nmi_all_but_self", 0, ICR_OTHERS | ICR_NMI, all & ~1U, nmis);
	trap_set(EXC_NMI, NULL);
}

static void restart(void)
{
	u32 before = starts[1], n = bcast[1];

	apic_ipi(1, ICR_ASSERT | ICR_INIT);
	delay_us(10000);
	apic_ipi(1, ICR_ASSERT | BCAST);
	delay_us(10000);
	check(bcast[1] == n, "smp.init_stops", "it still takes interrupts");
	check(cpu_start(1, idle), "smp.sipi_restarts", "it did not come back");
	check(starts[1] == before + 1, "smp.restarts_once", "%u times", starts[1] - before);
}

static void watch_stamps(void)
{
	while (!stop) {
		u64 s = stamp, now = rdtsc();

		if (now < s && s - now > backwards)
			backwards = s - now;
	}
}

/* CPU 0 publishes its counter; CPU 1 must never read a smaller one afterwards. */
static void tsc_agrees(void)
{
	u64 end;

	check(cpu_start(1, watch_stamps), "smp.watcher_starts", "it did not come");
	end = rdtsc() + tsc_us(50000);
	while (rdtsc() < end)
		stamp = rdtsc();
	stop = 1;
	check(backwards == 0, "smp.tsc_agrees", "CPU 1 is %llu behind",
	      (unsigned long long)backwards);
}

void guest_main(void)
{
	nr = cpu_count();
	if (nr < 2) {
		skip("smp", "the machine has one CPU");
		return;
	}
	start_all();
	trap_set(PING, on_ping);
	trap_set(PONG, on_pong);
	ping_pong(true, "smp.ping_pong_halted");
	ping_pong(false, "smp.ping_pong_spinning");
	broadcasts();
	restart();
	tsc_agrees();
}
