/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference model of x86 address translation, written from the manuals bit by bit and slow on
 * purpose. It shares no code, table or constant with mmu/; only the register snapshot is the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mmu/walk.h"

/*
 * Index bits of a table with 8-byte entries: 9, or what the code under test was built with. Tables
 * of 4-byte entries have twice as many.
 */
extern int ref_level_bits;

struct ref_update {
	uint64_t gpa, value;
	int size;
};

struct ref_out {
	bool ok;
	uint64_t gpa;
	uint64_t page_size;
	uint32_t error;
	/* Accessed and dirty bits that a completed access sets, entry by entry. */
	int nr_updates;
	struct ref_update update[5];
};

struct ref_access {
	bool write, fetch, user, implicit;
};

void ref_translate(const struct mmu_regs *r, uint64_t gva, struct ref_access a,
		   uint64_t (*read)(uint64_t gpa, int size), struct ref_out *out);
