/* SPDX-License-Identifier: BSD-2-Clause */
/* Source: AMD APM 2 "Multiple-Processor Initialization"; Intel SDM 3A "MP Initialization
 * Protocol". */
#include "arch/smp.h"

#include <errno.h>
#include <string.h>

#include "lib/log.h"

#include "arch/cpufeat.h"
#include "arch/desc.h"
#include "arch/hostmap.h"
#include "arch/lapic.h"
#include "arch/mem.h"
#include "arch/msr.h"
#include "arch/percpu.h"
#include "arch/regs.h"
#include "arch/sched.h"
#include "arch/timerq.h"
#include "arch/trap.h"
#include "arch/tsc.h"
#include "arch/x86.h"

/* Filled in the copy of arch/ap.S that the CPU starts from. */
struct ap_args {
	u32 cr3;
	u32 rsvd;
	u64 stack_top;
	u64 entry;
};

extern const char ap_start[], ap_args[], ap_end[];

static struct cpu boot_cpu;
struct cpu *cpus[MAX_CPUS];
u32 nr_cpus;

static struct cpu *volatile ap_starting;

void smp_early_init(void)
{
	boot_cpu.self = &boot_cpu;
	cpus[0] = &boot_cpu;
	nr_cpus = 1;
	wrmsr(MSR_GS_BASE, (u64)&boot_cpu);
}

static void request_irq(u8 vector)
{
	struct cpu *c = this_cpu();

	(void)vector;
	/*
	 * The interrupt has ended guest mode or HLT, which is all that most of them ask for. Full
	 * fence: who still finds a bit here sends no interrupt, so this CPU must look at what was
	 * requested only after the bits are gone.
	 */
	(void)__atomic_exchange_n(&c->requests, 0, __ATOMIC_SEQ_CST);
	sched_poke();
}

bool cpu_needs_nmi;

void cpu_interrupt(struct cpu *c)
{
	lapic_ipi(c->apic_id, VEC_REQUEST);
	if (unlikely(cpu_needs_nmi))
		lapic_nmi(c->apic_id);
}

void cpu_request(struct cpu *c, u32 bits)
{
	/* This CPU is out of guest mode and looks around before it goes back. */
	if (c == this_cpu())
		return;
	/* One IPI is enough while earlier bits have not been seen. */
	if (!__atomic_fetch_or(&c->requests, bits, __ATOMIC_ACQ_REL))
		cpu_interrupt(c);
}

/* Protections that a hypervisor wants for itself. */
static void cpu_harden(void)
{
	u64 cr4 = read_cr4() | CR4_PGE | CR4_DE | CR4_MCE;

	if (cpu_has(CPU_SMEP))
		cr4 |= CR4_SMEP;
	if (cpu_has(CPU_SMAP))
		cr4 |= CR4_SMAP;
	if (cpu_has(CPU_UMIP))
		cr4 |= CR4_UMIP;
	if (cpu_has(CPU_XSAVE))
		cr4 |= CR4_OSXSAVE;
	write_cr4(cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT);
	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS | CR0_CD | CR0_NW)) | CR0_WP | CR0_NE | CR0_MP);
}

static int cpu_alloc_state(struct cpu *c)
{
	int rc = desc_alloc(c);

	if (!rc)
		rc = timerq_init(c);
	if (!rc)
		rc = sched_init(c);
	return rc;
}

int smp_boot_cpu(void)
{
	int rc = cpu_alloc_state(&boot_cpu);

	if (rc)
		return rc;
	desc_load(&boot_cpu);
	cpu_harden();
	trap_set_irq(VEC_REQUEST, request_irq);
	boot_cpu.online = true;
	return 0;
}

static void ap_main(void)
{
	struct cpu *c = ap_starting;

	write_cr3(hostmap_cr3().v);
	desc_load(c);
	cpu_harden();
	lapic_enable();
	c->apic_id = lapic_id();
	__atomic_store_n(&c->online, true, __ATOMIC_RELEASE);
	sched_idle();
}

static bool wait_online(const struct cpu *c, u64 us)
{
	for (u64 i = 0; i < us / 10; i++) {
		if (__atomic_load_n(&c->online, __ATOMIC_ACQUIRE))
			return true;
		udelay(10);
	}
	return false;
}

static void send_startup(struct cpu *c, u32 apic_id, u8 page)
{
	lapic_send_init(apic_id);
	udelay(10000);
	for (int i = 0; i < 2 && !c->online; i++) {
		lapic_send_sipi(apic_id, page);
		if (wait_online(c, 50000))
			return;
	}
}

int smp_start(u32 apic_id, hpa_t trampoline)
{
	char *stack, *page = hpa_ptr(trampoline);
	struct ap_args args;
	struct cpu *c;
	u64 *root;

	if (nr_cpus == MAX_CPUS)
		return -ENOSPC;
	/*
	 * What is missing when memory ends here is not given back: the machine has none to run
	 * with.
	 */
	c = kzalloc(sizeof(*c));
	root = frames_alloc(1, 1, SZ_4G); /* 32-bit code loads it into CR3 */
	stack = stack_alloc();
	if (!c || !root || !stack)
		return -ENOMEM;
	c->self = c;
	c->idx = nr_cpus;
	c->apic_id = apic_id;
	if (cpu_alloc_state(c) || hostmap_trampoline(trampoline, true))
		return -ENOMEM;
	memcpy(root, hpa_ptr(hostmap_cr3()), PAGE_SIZE);
	args = (struct ap_args){ (u32)ptr_hpa(root).v, 0, (u64)stack + STACK_SIZE, (u64)ap_main };
	memcpy(page, ap_start, (size_t)(ap_end - ap_start));
	memcpy(page + (ap_args - ap_start), &args, sizeof(args));
	ap_starting = c;
	cpus[nr_cpus] = c;
	send_startup(c, apic_id, (u8)(trampoline.v >> PAGE_SHIFT));
	/* One that comes too late must not find its page gone: trampoline and stack stay. */
	if (!c->online)
		return -EIO;
	nr_cpus++;
	hostmap_trampoline(trampoline, false);
	frame_free(root);
	return 0;
}
