/* SPDX-License-Identifier: BSD-2-Clause */
/* Between a vCPU and the emulator (vm/emul/). Own thread. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct vcpu;

struct fetch;
struct insn;

/* Executes the instruction at RIP, whose access to memory exited. */
void emulate(struct vcpu *v);
/*
 * The same for a write to a guest table. False, with nothing done: the emulator does not know the
 * instruction; or, if the table can be unshadowed, it is REP MOVS or STOS, which fill the page as a
 * whole, so it is no table any more.
 */
bool emulate_write(struct vcpu *v, bool may_unshadow);
/* The same for IN, OUT, INS and OUTS, which exited for their port. */
void emulate_port_io(struct vcpu *v);

/* Linear address of the memory operand; for an instruction whose operand is not accessed. */
gva_t emulate_address(struct vcpu *v, const struct fetch *f, const struct insn *in);
/* Reads n bytes, at most 16, of the rm operand. False: a fault was queued. */
bool emulate_read(struct vcpu *v, const struct fetch *f, const struct insn *in, void *buf, u32 n);

/* Vector registers, which hold the guest's values while the vCPU is loaded: vm/emulate_vec.c. nr is
 * below 16. The upper half is zero, and stays, where the guest has not enabled AVX. */
void fpu_vec_read(const struct vcpu *v, u32 nr, u8 buf[32]);
/* legacy: bytes from 16 on stay; else what is above buf becomes zero. */
void fpu_vec_write(const struct vcpu *v, u32 nr, const u8 buf[32], bool legacy);
