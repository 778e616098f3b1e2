/* SPDX-License-Identifier: BSD-2-Clause */
/* From a VM's configuration to a loaded guest: finds the files, and sets the first vCPU. */

#include "vm/load/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/bug.h"

#include "arch/regs.h"
#include "vm/acpi/vacpi.h"
#include "vm/hv_ops.h"
#include "vm/load/load_priv.h"
#include "vm/paging.h"
#include "vm/vm.h"

#define CODE_TYPE 0xb /* execute, read, accessed */
#define DATA_TYPE 0x3 /* read, write, accessed */

static bool find_file(struct load_file *f, const char *name)
{
	const struct vm_module *m = vm_module_find(name);

	*f = (struct load_file){ .name = name };
	if (!m)
		return false;
	f->data = m->data;
	f->size = m->size;
	return true;
}

static void set_flat_segments(struct vcpu *v, const struct boot_cpu *c)
{
	u16 common = SEG_ATTR_S | SEG_ATTR_P | SEG_ATTR_G;
	struct segment code = {
		.sel = BOOT_CS,
		.attr = (u16)(common | CODE_TYPE |
			      (c->mode == BOOT_LONG ? SEG_ATTR_L : SEG_ATTR_DB)),
		.limit = 0xffffffff,
	};
	struct segment data = {
		.sel = BOOT_DS,
		.attr = (u16)(common | DATA_TYPE | SEG_ATTR_DB),
		.limit = 0xffffffff,
	};

	hv->set_seg(v, S_CS, &code);
	hv->set_seg(v, S_DS, &data);
	hv->set_seg(v, S_ES, &data);
	hv->set_seg(v, S_SS, &data);
	hv->set_seg(v, S_FS, &data);
	hv->set_seg(v, S_GS, &data);
	hv->set_sreg(v, SR_GDTR_BASE, c->gdt);
	hv->set_sreg(v, SR_GDTR_LIMIT, BOOT_GDT_LIMIT);
}

static void set_real_segments(struct vcpu *v)
{
	static const enum seg all[] = { S_CS, S_DS, S_ES, S_SS, S_FS, S_GS };
	struct segment s = { .limit = 0xffff };

	for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
		s.attr = SEG_ATTR_S | SEG_ATTR_P | (all[i] == S_CS ? CODE_TYPE : DATA_TYPE);
		hv->set_seg(v, all[i], &s);
	}
}

/* In 64-bit paging and without any there are no PDPTEs that could be wrong. */
static void write_paging(struct vcpu *v, enum vcpu_sreg reg, u64 val)
{
	bool ok = paging_write(v, reg, val);

	ASSERT(ok);
}

static void set_cpu(struct vcpu *v, const struct boot_cpu *c)
{
	if (c->mode == BOOT_REAL)
		set_real_segments(v);
	else
		set_flat_segments(v, c);
	if (c->mode == BOOT_LONG) {
		write_paging(v, SR_CR3, c->cr3);
		write_paging(v, SR_CR4, CR4_PAE);
		write_paging(v, SR_EFER, EFER_LME);
		write_paging(v, SR_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_PG);
	} else if (c->mode == BOOT_PROT) {
		write_paging(v, SR_CR0, CR0_PE | CR0_ET | CR0_NE);
	}
	v->regs.rip = c->rip;
	v->regs.rflags = RFLAGS_ONE;
	v->regs.gpr[R_AX] = c->rax;
	v->regs.gpr[R_BX] = c->rbx;
	v->regs.gpr[R_DX] = c->rdx;
	v->regs.gpr[R_SI] = c->rsi;
}

int guest_load(struct vm *vm, char *err, size_t err_size)
{
	const struct vm_config *cfg = &vm->cfg;
	struct load l = {
		.mem = &vm->mmu,
		.cmdline = cfg->cmdline,
		.err = err,
		.err_size = err_size,
	};
	int ret;

	if (!find_file(&l.kernel, cfg->kernel) ||
	    (cfg->initrd[0] && !find_file(&l.initrd, cfg->initrd))) {
		snprintf(err, err_size,
			 "%s: GRUB loaded no module of this name; check the module2 lines",
			 l.initrd.name ? l.initrd.name : l.kernel.name);
		return -ENOENT;
	}
	l.nr_map = vm_e820(vm, l.map, ARRAY_SIZE(l.map));
	l.rsdp = vacpi_rsdp(vm).v;
	ret = load_kernel(&l);
	if (!ret)
		set_cpu(vm->vcpu[0], &l.cpu);
	return ret;
}
