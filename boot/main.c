/* SPDX-License-Identifier: BSD-2-Clause */
/* The order in which everything starts. The only file that names the backends. */
#include <string.h>

#include "lib/log.h"

#include "arch/cpufeat.h"
#include "arch/heartbeat.h"
#include "arch/hostmap.h"
#include "arch/irq.h"
#include "arch/lapic.h"
#include "arch/mem.h"
#include "arch/panic.h"
#include "arch/percpu.h"
#include "arch/sched.h"
#include "arch/smp.h"
#include "arch/thread.h"
#include "arch/tsc.h"
#include "arch/x86.h"
#include "boot/backend.h"
#include "boot/cmd_mem.h"
#include "boot/cmdline.h"
#include "boot/cpus.h"
#include "boot/machines.h"
#include "boot/mb2.h"
#include "boot/memory.h"
#include "drivers/acpi.h"
#include "drivers/console.h"
#include "drivers/reset.h"
#include "mmu/mmu.h"
#include "mmu/pool.h"
#include "mmu/shadow/ctx.h"
#include "shell/mux.h"
#include "shell/shell.h"
#include "svm/ops.h"
#include "vmx/ops.h"

#define LOW_FRAMES 8 /* 1024 PDPTs of 32 bytes */
#define POOL_MIN   256
#define POOL_MAX   4194304 /* pages that have a name: mmu/pool.h */

static struct boot_info info;
static struct boot_options options;
static struct acpi_info acpi;

static __noreturn void stop(const char *why)
{
	pr_err("boot: %s", why);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void bad_option(const char *word, const char *why)
{
	pr_warn("boot: command line: %s: %s", word, why);
}

static void boot_early(u32 magic, u64 info_hpa)
{
	u32 dropped;

	smp_early_init();
	console_init();
	log_set_sink(console_log);
	panic_console_hook = console_panic;
	cpufeat_init();
	if (magic != MB2_BOOT_MAGIC)
		stop("the loader is not multiboot2; load Umbra with GRUB's multiboot2 command");
	if (mb2_parse(hpa_ptr(HPA(info_hpa)), SZ_1M, &info, &dropped))
		stop("the boot loader's information block is malformed");
	cmdline_parse(info.cmdline, &options, bad_option);
	if (options.quiet)
		log_set_level(LOG_WARN);
	if (dropped)
		pr_warn("boot: %u entries of the boot loader's tables did not fit and were dropped",
			dropped);
}

/*
 * Memory for so many pages of guests' tables, and a header for each; or what pool= says. At most a
 * sixteenth of what there is: machines that would want more do not fit in the rest.
 */
static void pool_start(u64 pages)
{
	u64 nr = pages + ((pages + 1) * sizeof(struct sp) >> PAGE_SHIFT) + 1;
	void *p;

	nr = MIN(MIN(nr, frames_free_count() / 16), POOL_MAX);
	nr = options.pool_pages ? options.pool_pages : MAX(nr, POOL_MIN);
	p = frames_alloc(nr, 1, 0);
	if (!p)
		stop("out of memory for the page pool of the guest MMU");
	mmu_pool_init(ptr_hpa(p), (u32)nr);
	p = frames_alloc(LOW_FRAMES, 1, SZ_4G);
	if (!p || mmu_shadow_low_init(ptr_hpa(p), LOW_FRAMES))
		stop("out of memory below 4 GiB for the roots of 32-bit guests");
}

/* What needs threads. Runs on the boot CPU. */
static void boot_late(void *arg)
{
	static const struct hv_ops *const backends[] = { &svm_ops, &vmx_ops };
	const struct config *cfg;
	struct vm *vm = NULL;

	(void)arg;
	shell_start(options.escape);
	if (!backend_start(backends, ARRAY_SIZE(backends), options.without)) {
		cfg = machines_read(&info);
		pool_start(cfg ? machines_table_pages(cfg) : 0);
		vm = cfg ? machines_start(cfg, options.autostart) : NULL;
	}
	mux_begin(vm);
}

void boot_main(u32 magic, u64 info_hpa);

void boot_main(u32 magic, u64 info_hpa)
{
	const char *why;

	boot_early(magic, info_hpa);
	cmd_mem_init(&info);
	why = memory_init(&info);
	if (why)
		stop(why);
	if (smp_boot_cpu() || lapic_init(options.x2apic))
		stop("out of memory while setting up the boot CPU");
	lapic_enable();
	cpus[0]->apic_id = lapic_id();
	irq_init();
	if (tsc_calibrate())
		stop("the PIT does not count, so the TSC cannot be calibrated");
	if (acpi_parse(&acpi, info.rsdp, info.has_rsdp ? sizeof(info.rsdp) : 0, phys_map))
		pr_warn("boot: no usable ACPI tables: one CPU, no device interrupts");
	reset_init(&acpi, options.exit_debug);
	cpus_start(&acpi, memory_low_page(&info), options.max_cpus);
	heartbeat_start();
	pr_info("boot: %u CPUs, %llu MiB free", nr_cpus,
		(unsigned long long)(frames_free_count() / 256));
	if (!thread_create(cpus[0], "boot", boot_late, NULL))
		stop("out of memory for the first thread");
	sched_idle();
}
