/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine's console: what COM1 and debugcon wrote is kept in a ring and handed to the shell; what
 * the person types goes to COM1.
 */
#pragma once

#include "lib/types.h"

#include "lib/ring.h"

#include "arch/spinlock.h"

struct vm;

#define VCONSOLE_SIZE 32768 /* scroll-back, bytes */

struct vconsole {
	struct spinlock lock; /* RANK_CONSOLE */
	struct ring ring;
	u64 total; /* bytes ever written by the guest */
	u64 shown; /* how far the shell has shown them; under its lock */
	u8 buf[VCONSOLE_SIZE];
};

/* Set by the shell; gets each run of bytes after it is in the ring. May be called on any CPU with
 * the VM's chipset lock held, so it must not block. */
extern void (*vm_console_sink)(struct vm *vm, const char *s, size_t n);

/* Set by the shell: the machine was powered off or killed. No lock is held. */
extern void (*vm_console_ended)(struct vm *vm);

int vconsole_create(struct vm *vm) __must_check;
void vconsole_destroy(struct vm *vm);

/* Bytes from the person at the console to the guest's COM1. */
void vm_console_input(struct vm *vm, const char *s, size_t n);

/*
 * Copies scroll-back from absolute position *pos (0 = the first byte ever written; older than the
 * ring moves up to the oldest kept) into buf; returns how many bytes and advances *pos.
 */
size_t vm_console_read(struct vm *vm, u64 *pos, char *buf, size_t n);
