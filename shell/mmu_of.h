/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a machine to its MMU. Apart from the commands, so that a test can put a simulated machine
 * behind them.
 */
#pragma once

struct vm;
struct vcpu;
struct mmu_vm;
struct mmu_ctx;

struct mmu_vm *mmu_of(struct vm *vm);
/* The paging context of a vCPU whose machine runs under shadow paging. */
struct mmu_ctx *mmu_ctx_of(struct vcpu *v);
