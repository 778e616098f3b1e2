/* SPDX-License-Identifier: BSD-2-Clause */
/* Port I/O. A port that no device claims reads as ones and swallows writes. */
#include "arch/regs.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/vm.h"

static __noinline const struct pio_range *find_high(const struct vm *vm, u32 port)
{
	for (u32 i = 0; i < vm->nr_pio; i++) {
		const struct pio_range *r = &vm->pio[i];

		if (port - r->first < r->count)
			return r;
	}
	return NULL;
}

static __always_inline const struct pio_range *find(const struct vm *vm, u32 port)
{
	u8 i;

	if (unlikely(port >= VM_PIO_MAP))
		return find_high(vm, port);
	i = vm->pio_map[port];
	return i ? &vm->pio[i - 1] : NULL;
}

/* The whole access lies in the range. */
static __always_inline bool inside(const struct pio_range *r, u16 port, u8 size)
{
	return (u32)(port - r->first) + size <= r->count;
}

/* By size: the bits of a value. */
static const u32 ones[] = { [1] = 0xff, [2] = 0xffff, [4] = 0xffffffff };

/* No byte of the access belongs to anybody. */
static bool nobody(const struct vm *vm, u32 port, u32 size)
{
	for (u32 i = 0; i < vm->nr_pio; i++) {
		const struct pio_range *r = &vm->pio[i];

		if (port < (u32)r->first + r->count && r->first < port + size)
			return false;
	}
	return true;
}

/* An access over the end of a device's range is a sequence of byte accesses. */
static __noinline u32 read_bytes(struct vm *vm, u16 port, u8 size)
{
	u32 val = 0;

	if (size == 1 || nobody(vm, port, size))
		return ones[size];
	for (u32 i = 0; i < size; i++)
		val |= pio_read(vm, (u16)(port + i), 1) << 8 * i;
	return val;
}

static __noinline void write_bytes(struct vm *vm, u16 port, u8 size, u32 val)
{
	if (size == 1 || nobody(vm, port, size))
		return;
	for (u32 i = 0; i < size; i++)
		pio_write(vm, (u16)(port + i), 1, val >> 8 * i & 0xff);
}

u32 pio_read(struct vm *vm, u16 port, u8 size)
{
	const struct pio_range *r = find(vm, port);
	u32 val;

	if (unlikely(!r || !inside(r, port, size)))
		return read_bytes(vm, port, size);
	spin_lock(&vm->chipset_lock);
	val = r->rd(r->dev, port, size);
	spin_unlock(&vm->chipset_lock);
	return val & ones[size];
}

void pio_write(struct vm *vm, u16 port, u8 size, u32 val)
{
	const struct pio_range *r = find(vm, port);

	if (unlikely(!r || !inside(r, port, size))) {
		write_bytes(vm, port, size, val);
		return;
	}
	spin_lock(&vm->chipset_lock);
	r->wr(r->dev, port, size, val);
	spin_unlock(&vm->chipset_lock);
}

/* Four bytes clear the upper half of RAX as every 32-bit result does. */
static __always_inline void set_rax(struct vcpu *v, u8 size, u32 val)
{
	u64 *rax = &v->regs.gpr[R_AX];
	u64 keep = size == 4 ? 0 : ~(u64)ones[size];

	*rax = (*rax & keep) | (val & ones[size]);
}

static __noinline void exit_pio_odd(struct vcpu *v)
{
	u16 port = v->exit.pio.port;
	u8 size = v->exit.pio.size;

	if (v->exit.pio.string) {
		emulate_port_io(v);
		return;
	}
	if (v->exit.pio.in)
		set_rax(v, size, pio_read(v->vm, port, size));
	else
		pio_write(v->vm, port, size, (u32)v->regs.gpr[R_AX] & ones[size]);
	vcpu_skip(v, v->exit.insn_len);
}

void exit_pio(struct vcpu *v)
{
	u16 port = v->exit.pio.port;
	u8 size = v->exit.pio.size;
	struct vm *vm = v->vm;
	const struct pio_range *r = find(vm, port);

	if (unlikely(!r || v->exit.pio.string || !inside(r, port, size))) {
		exit_pio_odd(v);
		return;
	}
	spin_lock(&vm->chipset_lock);
	if (v->exit.pio.in)
		set_rax(v, size, r->rd(r->dev, port, size));
	else
		r->wr(r->dev, port, size, (u32)v->regs.gpr[R_AX] & ones[size]);
	spin_unlock(&vm->chipset_lock);
	vcpu_skip(v, v->exit.insn_len);
}
