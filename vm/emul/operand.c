/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/emul/operand.h"

#include <string.h>

#include "vm/emul/alu.h"
#include "vm/segment.h"
#include "vm/vcpu.h"

/* AH, CH, DH, BH: the second byte of the register four below. */
static bool is_high_byte(const struct insn *in, u32 n, u32 size)
{
	return size == 1 && n >= 4 && n < 8 && !(in->flags & INSN_REX);
}

u64 reg_get(const struct emul *e, const struct insn *in, u32 n, u32 size)
{
	if (is_high_byte(in, n, size))
		return e->regs->gpr[n - 4] >> 8 & 0xff;
	return e->regs->gpr[n] & alu_mask(size);
}

void reg_set(struct emul *e, const struct insn *in, u32 n, u32 size, u64 val)
{
	u64 *r = &e->regs->gpr[n];

	if (is_high_byte(in, n, size)) {
		r = &e->regs->gpr[n - 4];
		*r = (*r & ~0xff00ULL) | (val & 0xff) << 8;
	} else if (size < 4) {
		*r = (*r & ~alu_mask(size)) | (val & alu_mask(size));
	} else {
		*r = val & alu_mask(size);
	}
}

/* What a bit number in a register adds to the address: it reaches beyond the operand. */
static u64 bit_offset(const struct emul *e, const struct insn *in)
{
	u32 unused = 64 - 8 * (u32)in->op_size;
	s64 nr;

	if (in->form != F_RM_REG || in->op < OP_BT || in->op > OP_BTC)
		return 0;
	nr = (s64)(e->regs->gpr[in->reg] << unused) >> unused;
	return (u64)(nr >> 3) & ~((u64)in->op_size - 1);
}

u64 operand_offset(const struct emul *e, const struct insn *in)
{
	u64 off = (u64)in->disp;

	if (in->base == INSN_RIP)
		off += e->regs->rip + in->len;
	else if (in->base != INSN_NOREG)
		off += e->regs->gpr[in->base];
	if (in->index != INSN_NOREG)
		off += e->regs->gpr[in->index] << in->scale;
	off += bit_offset(e, in);
	return off & alu_mask(in->addr_size);
}

enum emul_res emul_raise(struct emul *e, u8 vector)
{
	e->fault = (struct emul_fault){
		.vector = vector,
		.has_error = vector == EXC_GP || vector == EXC_SS,
	};
	return EMUL_FAULT;
}

enum emul_res operand_linear(struct emul *e, u32 seg, u64 off, u32 n, bool write, gva_t *gva)
{
	struct segment s = { 0 };

	if (!emul_is_64(e) || seg == S_FS || seg == S_GS)
		e->ops->get_seg(e, seg, &s);
	if (!segment_linear(&s, off, n, write, e->fetch, gva))
		return emul_raise(e, seg == S_SS ? EXC_SS : EXC_GP);
	return EMUL_OK;
}

enum emul_res operand_gva(struct emul *e, const struct insn *in, bool write, gva_t *gva)
{
	enum emul_res r;

	r = operand_linear(e, in->seg, operand_offset(e, in), in->rm_size, write, gva);
	if (r == EMUL_OK && in->flags & INSN_ALIGN && !IS_ALIGNED(gva->v, in->rm_size))
		return emul_raise(e, EXC_GP);
	return r;
}

enum emul_res rm_get(struct emul *e, const struct insn *in, u64 *val)
{
	enum emul_res r;
	gva_t gva;

	*val = 0;
	if (!(in->flags & INSN_MEM)) {
		*val = reg_get(e, in, in->rm, in->rm_size);
		return EMUL_OK;
	}
	r = operand_gva(e, in, false, &gva);
	return r ? r : e->ops->read(e, gva, val, in->rm_size, false);
}

enum emul_res rm_set(struct emul *e, const struct insn *in, u64 val)
{
	enum emul_res r;
	gva_t gva;

	if (!(in->flags & INSN_MEM)) {
		reg_set(e, in, in->rm, in->rm_size, val);
		return EMUL_OK;
	}
	r = operand_gva(e, in, true, &gva);
	return r ? r : e->ops->write(e, gva, &val, in->rm_size);
}

gva_t emul_address(struct emul *e, const struct insn *in)
{
	u64 off = operand_offset(e, in);
	struct segment s = { 0 };

	if (!emul_is_64(e) || in->seg == S_FS || in->seg == S_GS)
		e->ops->get_seg(e, in->seg, &s);
	off += s.base;
	return GVA(emul_is_64(e) ? off : (u32)off);
}

enum emul_res emul_read(struct emul *e, const struct insn *in, void *buf, u32 n)
{
	enum emul_res r;
	gva_t gva;

	if (!(in->flags & INSN_MEM)) {
		u64 val = reg_get(e, in, in->rm, n);

		memcpy(buf, &val, n);
		return EMUL_OK;
	}
	r = operand_linear(e, in->seg, operand_offset(e, in), n, false, &gva);
	return r ? r : e->ops->read(e, gva, buf, n, false);
}
