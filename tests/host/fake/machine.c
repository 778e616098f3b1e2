/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/host/fake/machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/cmos.h"
#include "vm/dev/virq.h"

struct vm machine_vm;
struct vcpu machine_vcpu[MACHINE_VCPUS];
bool machine_line[24];
u32 machine_edges[24];
char machine_console[4096];
const char *machine_reset, *machine_poweroff;
u32 machine_log_lines;
u64 machine_cmos_time;

static size_t console_len;

void machine_init(u32 cpus)
{
	memset(&machine_vm, 0, sizeof(machine_vm));
	memset(machine_vcpu, 0, sizeof(machine_vcpu));
	spin_init(&machine_vm.chipset_lock, RANK_CHIPSET);
	machine_vm.cfg.cpus = machine_vm.nr_vcpus = cpus;
	machine_vm.cfg.memory = 256 * SZ_1M;
	machine_vm.cfg.debug_exit = true;
	for (u32 i = 0; i < cpus; i++) {
		machine_vcpu[i].vm = &machine_vm;
		machine_vcpu[i].id = i;
		machine_vm.vcpu[i] = &machine_vcpu[i];
	}
	memset(machine_line, 0, sizeof(machine_line));
	memset(machine_edges, 0, sizeof(machine_edges));
	memset(machine_console, 0, sizeof(machine_console));
	console_len = 0;
	machine_reset = machine_poweroff = NULL;
	machine_log_lines = 0;
	fake_tsc = 1000;
}

u32 machine_requests(u32 cpu)
{
	return __atomic_exchange_n(&machine_vcpu[cpu].requests, 0, __ATOMIC_ACQUIRE);
}

int vm_pio_add(struct vm *vm, u16 first, u16 count, pio_read_fn rd, pio_write_fn wr, void *dev)
{
	if (vm->nr_pio == VM_MAX_PIO)
		return -ENOSPC;
	for (u32 i = 0; i < vm->nr_pio; i++)
		if (first < vm->pio[i].first + vm->pio[i].count && vm->pio[i].first < first + count)
			return -EEXIST;
	vm->pio[vm->nr_pio++] = (struct pio_range){
		.first = first, .count = count, .rd = rd, .wr = wr, .dev = dev
	};
	return 0;
}

int vm_mmio_add(struct vm *vm, gpa_t base, u64 size, mmio_read_fn rd, mmio_write_fn wr, void *dev)
{
	vm->mmio[vm->nr_mmio++] =
		(struct mmio_range){ .base = base, .size = size, .rd = rd, .wr = wr, .dev = dev };
	return 0;
}

static struct pio_range *find(u16 port, u8 size)
{
	for (u32 i = 0; i < machine_vm.nr_pio; i++) {
		struct pio_range *r = &machine_vm.pio[i];

		if (port >= r->first && port + size <= r->first + r->count)
			return r;
	}
	return NULL;
}

u32 machine_in(u16 port, u8 size)
{
	struct pio_range *r = find(port, size);
	u32 val = ~0U;

	if (r) {
		spin_lock(&machine_vm.chipset_lock);
		val = r->rd(r->dev, port, size);
		spin_unlock(&machine_vm.chipset_lock);
	}
	return val & (u32)MASK(8U * size - 1, 0);
}

void machine_out(u16 port, u8 size, u32 val)
{
	struct pio_range *r = find(port, size);

	if (!r)
		return;
	spin_lock(&machine_vm.chipset_lock);
	r->wr(r->dev, port, size, val & (u32)MASK(8U * size - 1, 0));
	spin_unlock(&machine_vm.chipset_lock);
}

static struct mmio_range *find_mmio(u64 gpa)
{
	for (u32 i = 0; i < machine_vm.nr_mmio; i++)
		if (gpa - machine_vm.mmio[i].base.v < machine_vm.mmio[i].size)
			return &machine_vm.mmio[i];
	return NULL;
}

u64 machine_mmio_read(u64 gpa, u8 size)
{
	struct mmio_range *r = find_mmio(gpa);
	u64 val;

	spin_lock(&machine_vm.chipset_lock);
	val = r->rd(r->dev, &machine_vcpu[0], gpa - r->base.v, size);
	spin_unlock(&machine_vm.chipset_lock);
	return val;
}

void machine_mmio_write(u64 gpa, u8 size, u64 val)
{
	struct mmio_range *r = find_mmio(gpa);

	spin_lock(&machine_vm.chipset_lock);
	r->wr(r->dev, &machine_vcpu[0], gpa - r->base.v, size, val);
	spin_unlock(&machine_vm.chipset_lock);
}

void machine_irq(u32 gsi, bool level)
{
	spin_lock(&machine_vm.chipset_lock);
	vm_irq_set(&machine_vm, gsi, level);
	spin_unlock(&machine_vm.chipset_lock);
}

void machine_wait(u64 ns)
{
	fake_clock_run(fake_tsc + ns);
}

/* --- what devices ask for --------------------------------------------------------------------- */

__attribute__((weak)) void vm_irq_set(struct vm *vm, u32 gsi, bool level)
{
	(void)vm;
	machine_edges[gsi] += level && !machine_line[gsi];
	machine_line[gsi] = level;
}

__attribute__((weak)) enum virq_result virq_pulse(struct vm *vm, u32 gsi)
{
	vm_irq_set(vm, gsi, false);
	vm_irq_set(vm, gsi, true);
	return VIRQ_DELIVERED;
}

void vcpu_request(struct vcpu *v, u32 bits)
{
	vcpu_request_self(v, bits);
}

void vm_request_reset(struct vm *vm, const char *why)
{
	(void)vm;
	machine_reset = why;
}

void vm_request_poweroff(struct vm *vm, const char *why)
{
	(void)vm;
	machine_poweroff = why;
}

void vm_console_put(struct vm *vm, const char *s, size_t n)
{
	(void)vm;
	for (size_t i = 0; i < n && console_len < sizeof(machine_console) - 1; i++)
		machine_console[console_len++] = s[i];
}

void vm_log(struct vm *vm, const char *fmt, ...)
{
	(void)vm;
	(void)fmt;
	machine_log_lines++;
}

u64 cmos_time(void)
{
	return machine_cmos_time;
}
